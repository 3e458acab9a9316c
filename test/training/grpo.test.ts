import { describe, expect, it } from "vitest";
import { imageOf } from "../../images/image.ts";
import type { Completion, Policy, TrainingGroup, UpdateOptions } from "../../policy/port.ts";
import { promptAbout, textOf } from "../../policy/prompts.ts";
import { type GrpoOptions, grpo, type Reference, type Rollout } from "../../training/grpo.ts";

const image = imageOf(1, 1, new Uint8Array(3));

function completion(text: string, finishReason: Completion["finishReason"] = "stop"): Completion {
  const tokens = Int32Array.from(text, (letter) => letter.charCodeAt(0));
  return { tokens, logProbs: new Float32Array(tokens.length), text, finishReason };
}

function rollout(
  text: string,
  reward: number | null,
  more: Partial<Rollout> = {},
): Rollout & { text: string } {
  return { completion: completion(text), reward, positive: false, reference: null, text, ...more };
}

const group = (text: string, ...rollouts: (Rollout & { readonly text: string })[]) => ({
  prompt: promptAbout(image, text),
  place: text.toUpperCase(),
  rollouts,
});

const options: GrpoOptions = {
  loss: "dapo",
  clipLow: 0.2,
  clipHigh: 0.3,
  beta: 0,
  importanceCap: null,
  temperature: 1,
  maxTokens: 8,
  learningRate: 0.1,
  advantageScale: "none",
  maskTruncated: true,
  positiveWeight: 0,
};

/** A policy that notes what it learns from, and a reference whose log-probabilities are the texts' lengths. */
function world() {
  const updates: (readonly TrainingGroup[])[] = [];
  const scored: string[] = [];
  const clips: [number, number][] = [];
  const policy = {
    update: async (groups: readonly TrainingGroup[], given: UpdateOptions) => {
      updates.push(groups);
      clips.push([given.clipLow, given.clipHigh]);
      return { loss: 1, gradientNorm: 1, kl: 0, clipFraction: 0, tokens: 1, version: 7 };
    },
  } as unknown as Policy;
  const reference: Reference = {
    score: async (groups) =>
      groups.map(({ prompt, completions }) => {
        scored.push(textOf(prompt));
        return completions.map(({ tokens: { length } }) => new Float32Array(length).fill(length));
      }),
  };
  return { policy, reference, updates, scored, clips };
}

describe("one update", () => {
  it("rollouts say what they taught, and keep what else they were", async () => {
    const { policy, reference, updates } = world();
    const groups = [group("a", rollout("x", 1), rollout("yy", 0), rollout("zzz", null))];
    const { groups: taught, droppedGroups, report } = await grpo(policy, reference, groups, options);
    expect(taught.map(({ place }) => place)).toEqual(["A"]);
    expect(taught[0]?.rollouts.map(({ text, advantage }) => [text, advantage])).toEqual([
      ["x", 0.5],
      ["yy", -0.5],
      ["zzz", 0],
    ]);
    expect(droppedGroups).toBe(0);
    expect(report?.version).toBe(7);
    expect(updates[0]?.[0]?.rollouts.map(({ advantage }) => advantage)).toEqual([0.5, -0.5, 0]);
  });

  it("groups that teach nothing stay out, with their KL; without any there is no update", async () => {
    const { policy, reference, updates, scored } = world();
    const equal = group("equal", rollout("x", 1), rollout("y", 1));
    const cut = group(
      "cut",
      rollout("x", 1, { completion: completion("x", "length") }),
      rollout("y", 0, { completion: completion("y", "length") }),
    );
    const unequal = group("unequal", rollout("x", 1), rollout("y", 0));
    const withKl = { ...options, beta: 0.1 };
    const { groups, droppedGroups } = await grpo(policy, reference, [equal, unequal, cut], withKl);
    expect(droppedGroups).toBe(2);
    expect(groups.map(({ place }) => place)).toEqual(["EQUAL", "UNEQUAL", "CUT"]);
    expect(updates.map((batch) => batch.map(({ prompt }) => textOf(prompt)))).toEqual([["unequal"]]);
    expect(scored).toEqual(["unequal"]);
    const none = await grpo(policy, reference, [equal], withKl);
    expect(none).toMatchObject({ droppedGroups: 1, report: null });
    expect(updates).toHaveLength(1);
    const unmasked = await grpo(policy, reference, [cut], { ...options, maskTruncated: false });
    expect(unmasked.droppedGroups).toBe(0);
  });

  it("clips that nobody chose are the usual ones of the loss", async () => {
    const { policy, reference, clips } = world();
    const groups = [group("a", rollout("x", 1), rollout("y", 0))];
    const unsaid = { ...options, clipLow: null, clipHigh: null };
    for (const loss of ["dapo", "gspo", "cispo"] as const)
      await grpo(policy, reference, groups, { ...unsaid, loss });
    await grpo(policy, reference, groups, { ...unsaid, loss: "gspo", clipHigh: 0.1 });
    expect(clips).toEqual([
      [0.2, 0.3],
      [3e-4, 4e-4],
      [1, 4],
      [3e-4, 0.1],
    ]);
  });

  it("a positive rollout teaches where all agree, by its weight", async () => {
    const { policy, reference, updates } = world();
    const agreed = group("a", rollout("x", 1, { positive: true }), rollout("y", 1));
    const { groups } = await grpo(policy, reference, [agreed], { ...options, positiveWeight: 0.7 });
    expect(groups[0]?.rollouts.map(({ advantage }) => advantage)).toEqual([0.7, 0]);
    expect(updates).toHaveLength(1);
  });

  it("turns are credited with what was earned from them on, each token with its turn's advantage", async () => {
    const { policy, reference, updates } = world();
    const turns = (...earned: [number, number][]) => ({
      turns: earned.map(([tokens, reward]) => ({ tokens, reward })),
    });
    const groups = [
      group("a", rollout("xxyz", 0.5, turns([2, -0.5], [1, 0], [1, 1])), rollout("v", 0, turns([1, 0]))),
      // As a whole it earned what the group did in the mean, and its last turn more.
      group("b", rollout("pq", 1, turns([1, -1], [1, 2])), rollout("r", 2), rollout("s", 0)),
    ];
    const { groups: taught } = await grpo(policy, reference, groups, options);
    expect(taught[0]?.rollouts.map(({ advantage, turnAdvantages }) => [advantage, turnAdvantages])).toEqual([
      [0.25, [0.25, 0.75, 0.75]],
      [-0.25, [-0.25]],
    ]);
    const given = updates[0]?.map(({ rollouts }) => rollouts.map(({ advantage }) => advantage));
    expect(given).toEqual([
      [Float32Array.of(0.25, 0.25, 0.75, 0.75), Float32Array.of(-0.25)],
      [Float32Array.of(0, 1), 1, -1],
    ]);
    expect(taught[1]?.rollouts.map(({ turnAdvantages }) => turnAdvantages)).toEqual([[0, 1], null, null]);
  });

  it("the weight of a positive rollout is that of all its turns", async () => {
    const { policy, reference, updates } = world();
    const turns = [
      { tokens: 1, reward: -0.5 },
      { tokens: 1, reward: 1.5 },
    ];
    const positive = rollout("xy", 1, { positive: true, turns });
    const groups = [group("a", positive, rollout("z", 0))];
    await grpo(policy, reference, groups, { ...options, positiveWeight: 0.5 });
    expect(updates[0]?.[0]?.rollouts[0]?.advantage).toEqual(Float32Array.of(1, 1.5));
  });

  it("the reference scores only what has no score yet, and nothing without a KL", async () => {
    const { policy, reference, updates, scored } = world();
    const known = { reference: Float32Array.of(5) };
    const first = group("known", rollout("x", 1, known), rollout("y", 0, known));
    const second = group("new", rollout("xx", 1), rollout("y", 0));
    await grpo(policy, reference, [first, second], { ...options, beta: 0.1 });
    expect(scored).toEqual(["new"]);
    const given = updates[0]?.map(({ rollouts }) =>
      rollouts.map((each) => [...(each.referenceLogProbs ?? [])]),
    );
    expect(given).toEqual([
      [[5], [5]],
      [[2, 2], [1]],
    ]);
    await grpo(policy, reference, [second], options);
    expect(scored).toEqual(["new"]);
  });
});
