import { describe, expect, test } from "vitest";
import { RandomStream } from "../../common/random.ts";
import { questionerSum, reasonerSum, type Sum, weightedSum } from "../../inspector/arithmetic.ts";
import { rewardedFor } from "../../inspector/stage_settings.ts";
import { earnedIn } from "../../inspector/trajectories.ts";
import type { TrajectoryRecord } from "../../replay/events.ts";
import { type QuestionEvidence, questionerReward, questionerRewardForms } from "../../rewards/questioner.ts";
import { reasonerRewards, verifications } from "../../rewards/reasoner.ts";
import { actedEpisode } from "../replay/acted_episode.ts";
import { plainEpisode } from "../replay/events.ts";

function randomEvidence(stream: RandomStream): QuestionEvidence {
  const parsed = stream.integer(5) > 0;
  const counts = Array.from({ length: stream.integer(4) }, () => 1 + stream.integer(6)).sort((a, b) => b - a);
  const parseFailures = stream.integer(6);
  const samples = counts.reduce((sum, count) => sum + count, parseFailures);
  const verdict = { votes: counts.map((count) => ({ count })), samples, abstentions: 0, parseFailures };
  return {
    parsed,
    verdict: parsed && stream.integer(6) > 0 ? verdict : null,
    ...(stream.integer(2) === 0 && { form: stream.integer(5) / 4 }),
    duplicateShare: (1 + stream.integer(8)) / 8,
    blindAgreement: stream.integer(9) / 8,
    evidence: stream.integer(17) / 8 - 1,
  };
}

/** What a reader who takes the terms as they are written would compute. */
function readOut({ terms }: Sum): number {
  const signs: Readonly<Record<string, string>> = {
    "×": "*",
    "× max(0,": "* Math.max(0,",
    "× (max(0,": "* (Math.max(0,",
    "−": "-",
  };
  const written = terms.map(
    ({ sign, value }) => `${signs[sign] ?? sign} ${value === null ? "" : `(${value})`}`,
  );
  return Function(`"use strict"; return ${written.join(" ")}`)();
}

describe("terms of a reward", () => {
  test.each(questionerRewardForms)("make the Questioner's, %s", (form) => {
    const stream = new RandomStream(3);
    const thresholds = { parse: 0.5, abstention: 0.25, blind: 0.5 };
    const totals = new Set<number>();
    for (let i = 0; i < 2000; i++) {
      const evidence = randomEvidence(stream);
      const evidenceWeight = stream.integer(3) / 10;
      const options = { form, lambda: stream.integer(5) / 4, evidenceWeight, thresholds };
      const { total, parts } = questionerReward(evidence, options);
      const sum = questionerSum(form, evidence.parsed, parts, total);
      expect(sum.addsUp, JSON.stringify({ evidence, options, parts, sum })).toBe(true);
      expect(readOut(sum)).toBeCloseTo(total, 9);
      expect(questionerSum(form, evidence.parsed, parts, total + 0.001).addsUp).toBe(false);
      totals.add(total);
    }
    expect(totals.size).toBeGreaterThan(4);
  });

  test("make the Reasoner's, under any weights", () => {
    const stream = new RandomStream(4);
    for (let i = 0; i < 1000; i++) {
      const weights = {
        ...{ agreement: stream.uniform(), format: stream.uniform(), brevity: stream.integer(2) },
        description: stream.uniform(),
        certainty: stream.integer(3) / 4,
      };
      const isAsked = stream.integer(2) === 0;
      const group = Array.from({ length: 1 + stream.integer(8) }, () => ({
        agrees: stream.integer(2) === 0,
        format: stream.integer(3) / 2,
        tokens: 1 + stream.integer(40),
        described: isAsked ? stream.integer(2) === 0 : null,
        stated: stream.integer(4) === 0 ? null : stream.uniform(),
      }));
      for (const { total, parts } of reasonerRewards(group, weights, stream.pick(verifications))) {
        const sum = weightedSum(weights, parts, total);
        expect(sum.addsUp, JSON.stringify({ weights, parts, total })).toBe(true);
        expect(readOut(sum)).toBeCloseTo(total, 9);
        expect(weightedSum(weights, parts, total - 0.001).addsUp).toBe(false);
      }
    }
  });

  test("make a labelled stage's, under the weights of that stage and those of a module", () => {
    const weights = { correctness: 0.9, reasoning: 0, format: 0.1, length: 0 };
    const own = { reward: { weights, moduleWeights: { near: 2 } } };
    const plain = { reward: { weights: { ...weights, format: 0.5 }, moduleWeights: {} } };
    const config = {
      stages: [{ kind: "grpo", data: "rows", ...plain }, { kind: "self_play" }, { kind: "grpo", ...own }],
      reasoner: { reward: { agreement: 1 } },
    };
    const parts = { correctness: 1, format: 0.5, near: 0.25, places: 1 };
    const sum = reasonerSum(config, "grpo2", parts, 0.9 + 0.05 + 0.5 + 1);
    expect(sum.addsUp).toBe(true);
    expect(readOut(sum)).toBeCloseTo(2.45, 9);
    const builtIn = { correctness: 1, reasoning: 0, format: 1, length: 0 };
    expect(reasonerSum(config, "grpo", builtIn, 1.4).addsUp).toBe(true);
    expect(reasonerSum(config, "selfPlay", { agreement: 1 }, 1).addsUp).toBe(true);
    // What tools cost has no weight of its own there.
    const called = { agreement: 1, toolCalls: -0.1, toolSuccess: 0.25 };
    expect(reasonerSum(config, "selfPlay", called, 1.15).addsUp).toBe(true);
    expect(reasonerSum(config, "selfPlay", called, 1).addsUp).toBe(false);
  });

  test("stand before what constraints took, or give way to it", () => {
    const config = { stages: [{ kind: "environment", reward: { weights: {}, moduleWeights: { goal: 2 } } }] };
    const parts = { goal: 1.5, moving: 1 };
    const soft = reasonerSum(config, "environment", parts, 3.5, { taken: 0.5, alone: false });
    expect([readOut(soft), soft.addsUp]).toEqual([3.5, true]);
    const hard = reasonerSum(config, "environment", parts, -10, { taken: 10, alone: true });
    expect([readOut(hard), hard.addsUp]).toEqual([-10, true]);
    expect(reasonerSum(config, "environment", parts, -6, { taken: 10, alone: true }).addsUp).toBe(false);
  });

  test("say that they do not know a form, and that nothing was earned", () => {
    expect(questionerSum("another", true, { gate: 1 }, 0.5)).toEqual({
      terms: [],
      total: null,
      addsUp: false,
    });
    expect(weightedSum({ agreement: 1 }, { agreement: 1 }, null).addsUp).toBe(false);
  });
});

describe("what a group is rewarded for", () => {
  const config = { stages: [{ kind: "grpo" }, { kind: "self_play" }, { kind: "environment" }] };
  const said = (event: Parameters<typeof rewardedFor>[1], settings: unknown = config) => {
    const { before, label, after } = rewardedFor(settings, event);
    return `${before}${label ?? ""}${after}`;
  };

  test("is what the votes said in self-play alone", () => {
    expect(said(plainEpisode())).toBe("rewarded for red, which 75% of the votes said");
    expect(said(plainEpisode({ confidence: 1, ...{ stage: "grpo" } }))).toBe(
      "rewarded for red, which is the label",
    );
  });

  test("is what the votes said where tools helped with the answers, too", () => {
    const { rollouts } = actedEpisode();
    expect(said(plainEpisode({ rollouts }))).toBe("rewarded for red, which 75% of the votes said");
  });

  test("is what the environment says where there is one, also where nothing is known of its settings", () => {
    for (const settings of [config, null]) {
      expect(said(actedEpisode(), settings)).toBe("rewarded by the environment; the label is red");
      expect(said(actedEpisode({ label: null }), settings)).toBe("rewarded by the environment");
    }
  });
});

describe("what turns earned", () => {
  test("adds up to what was recorded, or does not; where nobody judged, nothing has to", () => {
    const [done, out, spoiled] = actedEpisode().rollouts;
    for (const rollout of [done, out, spoiled]) {
      if (!rollout?.trajectory) throw new Error("no trajectory");
      expect(earnedIn(rollout.trajectory, rollout).addsUp).toBe(true);
    }
    const trajectory = done?.trajectory as TrajectoryRecord;
    expect(earnedIn(trajectory, { parts: {}, reward: 0 })).toEqual({
      sums: { price: -0.2, correct: 1 },
      addsUp: false,
    });
    const other = { parts: { price: -0.2, correct: 1, bonus: 0.1 }, reward: 1 };
    expect(earnedIn(trajectory, other).addsUp).toBe(false);
  });
});
