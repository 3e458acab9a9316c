import { afterAll, beforeAll, expect, test } from "vitest";
import { imageOf } from "../../../images/image.ts";
import { LocalPolicy } from "../../../policy/embedded/local_policy.ts";
import type { Completion, Prompt } from "../../../policy/port.ts";
import { promptAbout } from "../../../policy/prompts.ts";
import { askedIn } from "../../fakes/prompts.ts";
import { expectClose } from "../../parity/closeness.ts";
import { readReference } from "../../reference_dir.ts";
import { copyTiny, grpo, relativeError, rolloutGroups, sampling, tinyOptions } from "../tiny.ts";

/** The tiny model with an image processor that splits images into tiles. */
let split: Awaited<ReturnType<typeof copyTiny>>;
beforeAll(async () => {
  split = await copyTiny({
    "preprocessor_config.json": readReference("smolvlm-tiny/preprocessor_config.split.json"),
  });
});
afterAll(() => split[Symbol.asyncDispose]());

/** Two wide, two square and one high image, so that they make different numbers of tiles. */
const prompts: Prompt[] = [
  [96, 20],
  [60, 60],
  [96, 24],
  [20, 90],
  [60, 59],
].map(([width = 0, height = 0], k) =>
  promptAbout(
    imageOf(width, height, new Uint8Array(width * height * 3).fill(40 * k)),
    `How many dots, ${k}?`,
  ),
);

async function sampled(policy: LocalPolicy): Promise<Completion[][]> {
  return policy.sample(prompts, sampling);
}

test("images of different numbers of tiles are sampled and scored together as they are alone", async () => {
  await using policy = await LocalPolicy.open(split.folder, tinyOptions);
  const tiles = new Set(prompts.map((prompt) => policy.encoder.prepare(askedIn(prompt).image).shape.tiles));
  expect(tiles.size).toBeGreaterThan(1);
  const groups = await sampled(policy);
  const asked = prompts.map((prompt, i) => ({
    prompt,
    completions: groups[i] ?? [],
  }));
  const options = { weights: "policy", temperature: 1 } as const;
  const together = await policy.score(asked, options);
  for (const [i, group] of groups.entries()) {
    const [alone] = await policy.score(asked.slice(i, i + 1), options);
    group.forEach(({ logProbs }, g) => {
      expectClose(together[i]?.[g], logProbs, 1e-4);
      expectClose(alone?.[g], together[i]?.[g] as Float32Array, 1e-5);
    });
  }
  const greedy = { ...sampling, temperature: 0, groupSize: 1 };
  const all = await policy.sample(prompts, greedy);
  for (const [i, prompt] of prompts.entries())
    expect((await policy.sample([prompt], greedy))[0]?.[0]?.tokens).toEqual(all[i]?.[0]?.tokens);
});

test("their gradients don't depend on micro-batches", async () => {
  const gradients: Float32Array[] = [];
  for (const microBatchTokens of [4096, 1]) {
    await using policy = await LocalPolicy.open(split.folder, { ...tinyOptions, microBatchTokens });
    await policy.update(rolloutGroups(prompts, await sampled(policy)), grpo);
    gradients.push(policy.learner.optimizer.state.firstMoment);
  }
  const [wide, narrow] = gradients as [Float32Array, Float32Array];
  expect(relativeError(wide, narrow)).toBeLessThan(1e-5);
});
