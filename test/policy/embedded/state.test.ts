import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LocalPolicy } from "../../../policy/embedded/local_policy.ts";
import { DataParallelPolicy } from "../../../policy/parallel/data_parallel_policy.ts";
import type { Completion, Policy, TrainingGroup } from "../../../policy/port.ts";
import { copyTiny, grpo, openTiny, questions, rolloutGroups, sampling, tinyOptions } from "../tiny.ts";

const prompts = questions(4);
let folder: string;
let groups: TrainingGroup[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "visplay-state-"));
  await using policy = await openTiny();
  groups = rolloutGroups(prompts, await policy.sample(prompts, sampling));
});
afterAll(() => rm(folder, { recursive: true }));

/** What a policy comes to in a few steps: reports, samples and scores. */
async function goOn(policy: Policy): Promise<unknown[]> {
  const reports = [await policy.update(groups, grpo), await policy.update(groups.slice(1), grpo)];
  const sampled = await policy.sample(prompts, sampling);
  const asked = prompts.map((prompt, i) => {
    return { prompt, completions: sampled[i] ?? [] };
  });
  return [
    reports,
    sampled,
    await policy.score(asked, { weights: "policy", temperature: 1 }),
    await policy.score(asked, { weights: "reference", temperature: 1 }),
    await policy.sample(prompts, { ...sampling, weights: "reference" }),
    await policy.info(),
  ];
}

const kinds: [string, () => Promise<Policy>][] = [
  ["a policy", () => openTiny()],
  ["two replicas", () => DataParallelPolicy.open([openTiny(), openTiny()])],
];

describe.each(kinds)("%s", (name, open) => {
  test("goes on from a saved state, bit for bit", async () => {
    const saved = join(folder, name);
    await using policy = await open();
    await goOn(policy);
    await policy.saveState(saved);
    const wanted = await goOn(policy);
    await using restored = await open();
    await restored.sample(prompts, sampling); // images are encoded already, by other weights
    await restored.loadState(saved);
    expect(await goOn(restored)).toEqual(wanted);
  });
});

describe.each(kinds)("the base of %s", (_, open) => {
  test("says the same however much the policy has learnt, and what the policy said before", async () => {
    await using policy = await open();
    const before = await policy.sample(prompts, sampling);
    const ofBase = (all: readonly Completion[][]) => all.map((group) => group.map(({ text }) => text));
    for (let step = 0; step < 3; step++) {
      await policy.update(groups, { ...grpo, learningRate: 0.02 });
      expect(await policy.sample(prompts, { ...sampling, weights: "reference" })).toEqual(before);
    }
    expect(ofBase(await policy.sample(prompts, sampling))).not.toEqual(ofBase(before));
  });
});

test("conversations that go on are of the weights that speak", async () => {
  await using policy = await openTiny();
  const goesOn = { ...sampling, goesOn: true };
  const before = await policy.sample(prompts, goesOn);
  await policy.update(groups, { ...grpo, learningRate: 0.02 });
  const taught = await policy.sample(prompts, goesOn);
  expect(await policy.sample(prompts, { ...goesOn, weights: "reference" })).toEqual(before);
  expect(await policy.sample(prompts, goesOn)).toEqual(taught);
});

test("a saved state is a model folder, too", async () => {
  const saved = join(folder, "model");
  await using policy = await openTiny();
  await goOn(policy);
  await policy.saveState(saved);
  await using opened = await LocalPolicy.open(saved, tinyOptions);
  expect(opened.learner.weights).toEqual(policy.learner.weights);
  expect(await readdir(saved)).toContain("optimizer.safetensors");
});

describe("a state that does not fit is refused, and changes nothing:", () => {
  const model = { code: "model" };

  test("without an optimiser's", async () => {
    const saved = join(folder, "bare");
    await using policy = await openTiny();
    await policy.save(saved);
    await expect(policy.loadState(saved)).rejects.toMatchObject(model);
  });

  test("of another model", async () => {
    await using other = await copyTiny();
    await using policy = await openTiny();
    const before = policy.learner.weights.slice();
    await policy.update(groups, grpo);
    await policy.saveState(other.folder);
    await writeFile(join(other.folder, "optimizer.safetensors"), "nothing");
    const after = policy.learner.weights.slice();
    await expect(policy.loadState(other.folder)).rejects.toMatchObject({
      ...model,
      message: expect.stringMatching(/optimizer\.safetensors/),
    });
    expect(policy.learner.weights).toEqual(after);
    expect(policy.learner.weights).not.toEqual(before);
  });
});
