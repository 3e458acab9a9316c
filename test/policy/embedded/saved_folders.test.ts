import { cp, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LocalPolicy } from "../../../policy/embedded/local_policy.ts";
import { readModelFolder } from "../../../policy/embedded/registry.ts";
import { promptAbout } from "../../../policy/prompts.ts";
import { referencePath } from "../../reference_dir.ts";
import { grpo, picture, rolloutGroups, sampling, tinyOptions } from "../tiny.ts";

/** Families with the reference whose weights have their names and shapes. */
const weightsOf = {
  idefics3: "smolvlm-tiny",
  smolvlm: "smolvlm-tiny",
  qwen2_5_vl: "qwen2_5_vl-tiny",
  qwen3_vl: "qwen3_vl-tiny",
};
const versions = ["transformers-4", "transformers-5"];
const cases = versions.flatMap((version) =>
  Object.entries(weightsOf).map(([family, reference]) => [version, family, reference] as const),
);

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "visplay-saved-"));
});
afterAll(() => rm(scratch, { recursive: true }));

/** A folder as it was saved, with weights. */
async function saved(version: string, family: string, reference: string): Promise<string> {
  const folder = join(scratch, version, family);
  await cp(fileURLToPath(new URL(`../../saved/${version}/${family}`, import.meta.url)), folder, {
    recursive: true,
  });
  await symlink(referencePath(`${reference}/model.safetensors`), join(folder, "model.safetensors"));
  return folder;
}

test.each(cases)("what save_pretrained of %s leaves of %s opens, samples and learns", async (...names) => {
  const folder = await saved(...names);
  expect((await readModelFolder(folder)).notes).toEqual([]);
  await using policy = await LocalPolicy.open(folder, tinyOptions);
  const { eosTokenIds, padTokenId } = policy.model.config;
  expect(policy.tokenizer.knows(padTokenId)).toBe(true);
  expect(eosTokenIds.every((id) => policy.tokenizer.knows(id))).toBe(true);
  const prompts = [promptAbout(picture(1), "How many?")];
  const sampled = await policy.sample(prompts, sampling);
  for (let step = 1; step <= 2; step++) {
    const report = await policy.update(rolloutGroups(prompts, sampled), grpo);
    expect(report.version).toBe(step);
    expect(report.gradientNorm).toBeGreaterThan(0);
  }
});
