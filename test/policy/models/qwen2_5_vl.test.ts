import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LocalPolicy } from "../../../policy/embedded/local_policy.ts";
import type { Completion } from "../../../policy/port.ts";
import { locateModelWeights } from "../../../policy/weights/model_weights.ts";
import { writeSafetensors } from "../../../policy/weights/safetensors_writer.ts";
import { readModelWeights } from "../../model_weights.ts";
import { readReference, referencePath } from "../../reference_dir.ts";
import { copyTiny, questions, sampling, tinyOptions } from "../tiny.ts";

const folder = referencePath("qwen2_5_vl-tiny");
const prompts = questions(2);

let policy: LocalPolicy;
let sampled: Completion[][];
beforeAll(async () => {
  policy = await LocalPolicy.open(folder, tinyOptions);
  sampled = await policy.sample(prompts, sampling);
});
afterAll(() => policy[Symbol.asyncDispose]());

test("weights may have the names of transformers' classes, and keep those that they had", async () => {
  const inMemory = new Map(
    Object.entries(readReference<Record<string, string>>("qwen2_5_vl-tiny/key_map.json")).map(
      ([name, published]) => [published, name],
    ),
  );
  const weights = [...(await readModelWeights(folder))];
  const renamed = new Map(weights.map(([name, tensor]) => [inMemory.get(name) as string, tensor]));
  await using nested = await copyTiny({}, folder);
  await writeSafetensors(join(nested.folder, "model.safetensors"), renamed);
  await using other = await LocalPolicy.open(nested.folder, tinyOptions);
  expect(await other.sample(prompts, sampling)).toEqual(sampled);
  const names = async (path: string) => [...(await locateModelWeights(path)).keys()].sort();
  for (const [own, source] of [
    [policy, folder],
    [other, nested.folder],
  ] as const) {
    const saved = join(nested.folder, "saved");
    await own.save(saved);
    expect(await names(saved)).toEqual(await names(source));
  }
});

test("the flat layout of config.json opens as the nested one", async () => {
  await using flat = await copyTiny(
    { "config.json": { text_config: null, ...readReference("qwen2_5_vl-tiny/config.hub_style.json") } },
    folder,
  );
  await using other = await LocalPolicy.open(flat.folder, tinyOptions);
  expect(await other.sample(prompts, sampling)).toEqual(sampled);
});
