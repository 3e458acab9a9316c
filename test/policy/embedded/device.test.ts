import { expect, test } from "vitest";
import type { LocalPolicy } from "../../../policy/embedded/local_policy.ts";
import { ThreadedPolicy } from "../../../policy/parallel/threaded_policy.ts";
import { testDevice } from "../../autodiff/devices.ts";
import {
  grpo,
  openTiny,
  questions,
  relativeError,
  rolloutGroups,
  sampling,
  tinyFolder,
  tinyOptions,
} from "../tiny.ts";

const elsewhere = test.skipIf(testDevice === "cpu");

elsewhere("another device samples, scores and learns as the CPU does", async () => {
  const prompts = questions(3);
  const greedy = { ...sampling, temperature: 0, groupSize: 2 };
  await using cpu = await openTiny();
  await using other = await openTiny({ device: testDevice });
  const sampled = await cpu.sample(prompts, sampling);
  const tokens = async (policy: LocalPolicy): Promise<number[][]> =>
    (await policy.sample(prompts, greedy)).flat().map((completion) => [...completion.tokens]);
  expect(await tokens(other)).toEqual(await tokens(cpu));

  const scored = prompts.map((prompt, i) => {
    return { prompt, completions: sampled[i] ?? [] };
  });
  const scores = (policy: LocalPolicy): Promise<Float32Array[][]> =>
    policy.score(scored, { weights: "reference", temperature: 1 });
  const expected = (await scores(cpu)).flat();
  (await scores(other)).flat().forEach((row, i) => {
    expect(relativeError(row, expected[i] as Float32Array)).toBeLessThan(1e-4);
  });

  const task = { kind: "grpo", groups: rolloutGroups(prompts, sampled), options: grpo } as const;
  const gradient = async (policy: LocalPolicy): Promise<Float32Array> => {
    const flat = new Float32Array((await policy.info()).parameters);
    await policy.differentiate(task, flat);
    return flat;
  };
  expect(relativeError(await gradient(other), await gradient(cpu))).toBeLessThan(1e-3);
});

elsewhere("two threads use the device at once", async () => {
  const open = (name: string): Promise<ThreadedPolicy> =>
    ThreadedPolicy.open(tinyFolder, { ...tinyOptions, device: testDevice, name });
  await using one = await open("one");
  await using other = await open("other");
  const sample = (policy: ThreadedPolicy) => policy.sample(questions(3), sampling);
  const [a, b] = await Promise.all([sample(one), sample(other)]);
  expect(a).toEqual(b);
});
