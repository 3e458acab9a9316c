import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LocalPolicy } from "../../policy/embedded/local_policy.ts";
import { usualClip } from "../../policy/options.ts";
import type { Completion, Prompt } from "../../policy/port.ts";
import type { TinkerPolicy } from "../../policy/remote/tinker_policy.ts";
import { grpo, openTiny, questions, rolloutGroups, sampling } from "../policy/tiny.ts";
import type { EngineDouble } from "./double.ts";
import { openRemote, startDouble } from "./engine.ts";

const prompts = questions(5);
let double: EngineDouble;
let local: LocalPolicy;
let remote: TinkerPolicy;
beforeAll(async () => {
  double = await startDouble();
  local = await openTiny();
  remote = await openRemote(double);
});
afterAll(async () => {
  await remote[Symbol.asyncDispose]();
  await local[Symbol.asyncDispose]();
  await double[Symbol.asyncDispose]();
});

/** The largest difference between numbers. */
function gap(a: readonly Float32Array[], b: readonly Float32Array[]): number {
  return Math.max(
    ...a.flatMap((own, i) => [...own].map((value, t) => Math.abs(value - (b[i]?.[t] ?? Number.NaN)))),
  );
}

describe("a policy on a server is the local one", () => {
  let sampled: Completion[][];
  test("in what it samples", async () => {
    const here = await local.sample(prompts, sampling);
    sampled = await remote.sample(prompts, sampling);
    expect(sampled.map((group) => group.map(({ tokens }) => [...tokens]))).toEqual(
      here.map((group) => group.map(({ tokens }) => [...tokens])),
    );
    expect(sampled.flat().map(({ text, finishReason }) => [text, finishReason])).toEqual(
      here.flat().map(({ text, finishReason }) => [text, finishReason]),
    );
    expect(gap(sampled.flat().map(logProbsOf), here.flat().map(logProbsOf))).toBeLessThan(1e-4);
    // Random weights say image tokens, which never go to a server: there, they would be images.
    const { imageTokenId } = local.model.config;
    sampled = sampled.map((group) => group.filter(({ tokens }) => !tokens.includes(imageTokenId)));
    expect(sampled.every((group) => group.length > 1)).toBe(true);
  });

  test("in what it scores, under the policy and the reference", async () => {
    const asked = prompts.map((prompt, i) => ({ prompt, completions: sampled[i] as Completion[] }));
    for (const weights of ["policy", "reference"] as const) {
      const here = await local.score(asked, { weights, temperature: 1 });
      const there = await remote.score(asked, { weights, temperature: 1 });
      expect(gap(there.flat(), here.flat())).toBeLessThan(1e-4);
    }
  });

  test.each(["dr_grpo", "cispo", "gspo"] as const)("in what it learns by %s, with a KL", async (loss) => {
    const options = { ...grpo, ...usualClip[loss], loss, beta: 0.05 };
    const groups = await withReference(local, prompts, sampled);
    const here = await local.update(groups, options);
    const there = await remote.update(groups, options);
    expect(there.version).toBe(here.version);
    expect(there.tokens).toBe(here.tokens);
    for (const key of ["loss", "gradientNorm", "kl", "clipFraction"] as const)
      expect(there[key], key).toBeCloseTo(here[key], 4);
    await expectAlike();
  });

  test("with truncated importance sampling, masks and advantages of tokens", async () => {
    const groups = rolloutGroups(prompts, sampled).map(({ prompt, rollouts }) => ({
      prompt,
      rollouts: rollouts.map(({ completion, advantage }, r) => ({
        completion,
        advantage: Float32Array.from(completion.tokens, (_, t) => (advantage as number) * (1 + t / 10)),
        ...(r === 1 && { mask: new Uint8Array(completion.tokens.length) }),
      })),
    }));
    for (const options of [
      { ...grpo, importanceCap: 1.1 },
      { ...grpo, ...usualClip.gspo, loss: "gspo" as const },
    ]) {
      const here = await local.update(groups, options);
      const there = await remote.update(groups, options);
      expect(there.loss).toBeCloseTo(here.loss, 4);
      expect(there.clipFraction).toBeCloseTo(here.clipFraction, 4);
      expect(there.gradientNorm).toBeCloseTo(here.gradientNorm, 3);
      await expectAlike();
    }
  });

  test("in what it imitates", async () => {
    const examples = prompts.map((prompt, i) => ({ prompt, completion: `${i} dots`, weight: 1 + (i % 2) }));
    const here = await local.supervise(examples, { learningRate: 1e-3 });
    const there = await remote.supervise(examples, { learningRate: 1e-3 });
    expect(there.loss).toBeCloseTo(here.loss, 4);
    expect(there.tokens).toBe(here.tokens);
    await expectAlike();
  });

  test("and goes on from a state as it would have gone on", async () => {
    const folder = await mkdtemp(join(tmpdir(), "visplay-engine-state-"));
    await remote.saveState(folder);
    const groups = rolloutGroups(prompts, sampled);
    const first = await remote.update(groups, grpo);
    await using other = await openRemote(double);
    await other.loadState(folder);
    const again = await other.update(groups, grpo);
    expect(again.version).toBe(first.version);
    expect(again.loss).toBeCloseTo(first.loss, 5);
    await local.update(groups, grpo);
    await expectAlike(other);
    await rm(folder, { recursive: true });
  });
});

/** Both say the same of completions now. */
async function expectAlike(policy: TinkerPolicy = remote): Promise<void> {
  const completions = [{ tokens: Int32Array.of(5, 9, 12, 40, 7) }];
  const asked = prompts.map((prompt) => ({ prompt, completions }));
  const options = { weights: "policy", temperature: 1 } as const;
  const [here, there] = [await local.score(asked, options), await policy.score(asked, options)];
  expect(gap(there.flat(), here.flat())).toBeLessThan(2e-3);
}

async function withReference(policy: LocalPolicy, asked: readonly Prompt[], completions: Completion[][]) {
  const scored = await policy.score(
    asked.map((prompt, i) => ({ prompt, completions: completions[i] as Completion[] })),
    { weights: "reference", temperature: 1 },
  );
  return rolloutGroups(asked, completions).map(({ prompt, rollouts }, i) => ({
    prompt,
    rollouts: rollouts.map((rollout, r) => ({
      ...rollout,
      referenceLogProbs: scored[i]?.[r] as Float32Array,
    })),
  }));
}

function logProbsOf({ logProbs }: Completion): Float32Array {
  return logProbs;
}
