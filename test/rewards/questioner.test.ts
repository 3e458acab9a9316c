import { describe, expect, test } from "vitest";
import { inBand } from "../../rewards/band.ts";
import {
  type QuestionEvidence,
  type QuestionerRewardOptions,
  questionerReward,
} from "../../rewards/questioner.ts";
import { referenceJson } from "./reference.ts";

/** What is known of m answers: `unparsed` that hold none, and how often each of the others was given. */
const spread = (votes: readonly number[], unparsed = 0) => ({
  votes: votes.map((count) => ({ count })),
  samples: votes.reduce((sum, count) => sum + count, unparsed),
  abstentions: 0,
  parseFailures: unparsed,
});
const verdict = spread([4, 4]);
const good: QuestionEvidence = { parsed: true, verdict, duplicateShare: 0.125, blindAgreement: 0.25 };

const usual: QuestionerRewardOptions = {
  form: "visplay",
  lambda: 1,
  thresholds: { parse: 0.5, abstention: 0.25, blind: 0.5, support: null },
};
const total = (evidence: Partial<QuestionEvidence>, options = usual): number =>
  questionerReward({ ...good, ...evidence }, options).total;
const withThresholds = (
  thresholds: Partial<QuestionerRewardOptions["thresholds"]>,
): QuestionerRewardOptions => ({
  ...usual,
  thresholds: { ...usual.thresholds, ...thresholds },
});

describe("the paper's form", () => {
  test("is highest where the Reasoner is torn, and never negative", () => {
    expect(total({})).toBeCloseTo(0.875, 12);
    expect(total({ verdict: spread([6, 2]) })).toBeCloseTo(0.375, 12);
    expect(total({ verdict: spread([8]) })).toBe(0);
    expect(total({ duplicateShare: 1 })).toBe(0);
    expect(total({}, { ...usual, lambda: 0 })).toBe(1);
  });

  test("majorities that are equal by symmetry earn the same to the last bit", () => {
    for (let n = 1; n <= 32; n++) {
      for (let k = 0; k <= n; k++) {
        for (const form of ["visplay", "visplay_code"] as const) {
          const earned = (count: number) =>
            total({ verdict: spread([count, ...Array(n - count).fill(1)]) }, { ...usual, form });
          expect([n, k, earned(k)]).toEqual([n, k, earned(n - k)]);
        }
      }
    }
  });

  test("keeps every part", () => {
    expect(questionerReward(good, usual).parts).toEqual({
      gate: 1,
      form: 1,
      uncertainty: 1,
      confidence: 0.5,
      duplicateShare: 0.125,
      penalty: 0.125,
    });
  });
});

describe("evidence", () => {
  const paying = { ...usual, evidenceWeight: 0.1 };

  test("earns by how much surer the majority is with the image, and never costs", () => {
    const earned = (evidence: number | null) => total({ evidence }, paying) - total({ evidence });
    expect(earned(0.5)).toBeCloseTo(0.05, 12);
    expect(earned(1)).toBeCloseTo(0.1, 12);
    expect(earned(-0.5)).toBe(0);
    expect(earned(null)).toBe(0);
    // Where nothing else is earned, too.
    expect(total({ verdict: spread([8]), evidence: 0.8 }, paying)).toBeCloseTo(0.08, 12);
    expect(total({ evidence: 1, form: 0.5 }, paying)).toBeCloseTo(0.5 * (0.875 + 0.1), 12);
  });

  test("is behind the gate, and pays no control", () => {
    expect(total({ evidence: 1, blindAgreement: 0.75 }, paying)).toBe(0);
    for (const form of ["visplay_code", "format_only"] as const) {
      const control = { ...paying, form };
      expect(total({ evidence: 1 }, control)).toBe(total({ evidence: 0 }, control));
    }
  });

  test("is a part by name where it is paid for, and nowhere else", () => {
    const { parts } = questionerReward({ ...good, evidence: 0.5 }, paying);
    expect(parts).toMatchObject({ evidence: 0.5, bonus: 0.05 });
    expect(questionerReward({ ...good, evidence: 0.5 }, usual).parts).not.toHaveProperty("evidence");
  });

  test("may be asked for by the gate", () => {
    const strict = withThresholds({ evidence: 0.25 });
    expect(questionerReward({ ...good, evidence: 0.25 }, strict).checks.evidence?.passed).toBe(true);
    expect(total({ evidence: 0.2 }, strict)).toBe(0);
    expect(questionerReward({ ...good, evidence: null }, strict).checks).not.toHaveProperty("evidence");
  });
});

test("a question whose form had to be forgiven earns its share", () => {
  const whole = questionerReward(good, usual).total;
  expect(questionerReward({ ...good, form: 0.5 }, usual).total).toBe(whole / 2);
  const formOnly = { ...usual, form: "format_only" as const };
  expect(questionerReward({ ...good, form: 0.25 }, formOnly).total).toBe(0.25);
  expect(questionerReward({ ...good, parsed: false, form: 0.25 }, formOnly).total).toBe(0);
});

describe("the gate", () => {
  test("records the checks that were measured, with value and threshold", () => {
    expect(questionerReward(good, usual).checks).toEqual({
      format: { passed: true, value: 1, threshold: 1 },
      parse: { passed: true, value: 1, threshold: 0.5 },
      abstention: { passed: true, value: 0, threshold: 0.25 },
      blind: { passed: true, value: 0.25, threshold: 0.5 },
    });
    expect(
      Object.keys(questionerReward({ parsed: false, verdict: null, duplicateShare: 1 }, usual).checks),
    ).toEqual(["format"]);
  });

  test.each([
    ["format", { parsed: false, verdict: null }],
    ["parse", { verdict: { ...verdict, parseFailures: 5 } }],
    ["parse", { verdict: { ...verdict, samples: 0 } }],
    ["abstention", { verdict: { ...verdict, abstentions: 3 } }],
    ["abstention", { verdict: { ...verdict, abstentions: 2, parseFailures: 4 } }],
    ["blind", { blindAgreement: 0.75 }],
  ] as const)("%s closes it", (name, evidence) => {
    const reward = questionerReward({ ...good, ...evidence }, usual);
    expect(reward.total).toBe(0);
    expect(reward.parts.gate).toBe(0);
    expect(reward.checks[name]?.passed).toBe(false);
    expect(Object.values(reward.checks).filter((check) => !check.passed)).toHaveLength(1);
  });

  test("optional checks count once they have a threshold", () => {
    expect(total({ support: 0, confidence: 0, described: false })).toBeGreaterThan(0);
    expect(total({ support: 0 }, withThresholds({ support: 1 }))).toBe(0);
    expect(total({ support: 1 }, withThresholds({ support: 1 }))).toBeGreaterThan(0);
    const floor = withThresholds({ confidence: 0.5 });
    expect([0.375, 0.5, null].map((confidence) => total({ confidence }, floor) > 0)).toEqual([
      false,
      true,
      true,
    ]);
    const followed = withThresholds({ described: 1 });
    expect([false, true, null].map((described) => total({ described }, followed) > 0)).toEqual([
      false,
      true,
      true,
    ]);
    expect(total({ blindAgreement: 1 }, withThresholds({ blind: null }))).toBeGreaterThan(0);
  });
});

describe("the public code's form", () => {
  const options: QuestionerRewardOptions = { ...usual, form: "visplay_code" };
  const lists = referenceJson<{ questions: string[]; share: number[] }[]>("rewards/diversity.json");
  const expected = referenceJson<{ solver_agreement: number[]; overall: number[] }[]>("rewards/overall.json");

  /** Eight votes, of which the majority has a share. */
  const agreeing = (share: number) => ({ ...verdict, votes: [{ count: 8 * share }] });

  test.each([...lists.keys()])("equals the reference, list %i", (i) => {
    const { questions, share } = lists[i] as (typeof lists)[number];
    for (const [k, question] of questions.entries()) {
      const confidence = expected[i]?.solver_agreement[k] as number;
      const reward = questionerReward(
        { parsed: question !== "", verdict: agreeing(confidence), duplicateShare: share[k] as number },
        options,
      );
      expect(Math.abs(reward.total - (expected[i]?.overall[k] as number))).toBeLessThan(1e-12);
    }
  });

  test("an unparsed answer is the vote None", () => {
    const alone = { duplicateShare: 0 };
    expect(total({ ...alone, verdict: spread([3, 1], 4) }, options)).toBe(0.5);
    expect(total({ ...alone, verdict: spread([3, 1], 2) }, options)).toBe(0.5);
    expect(total({ ...alone, verdict: spread([], 8) }, options)).toBe(0);
    expect(total({ ...alone, verdict: spread([2], 6) }, options)).toBe(0.25);
  });

  test("records the checks without obeying them", () => {
    const reward = questionerReward({ ...good, blindAgreement: 1 }, options);
    expect(reward.total).toBeCloseTo(0.375, 12);
    expect(reward.checks.blind?.passed).toBe(false);
  });
});

test("the format-only control pays for the tags alone", () => {
  const options: QuestionerRewardOptions = { ...usual, form: "format_only" };
  expect(total({ verdict: null, blindAgreement: 1, duplicateShare: 1 }, options)).toBe(1);
  expect(total({ parsed: false, verdict: null }, options)).toBe(0);
});

test("the band includes its bounds", () => {
  const band = { low: 0.25, high: 0.75 };
  expect([0.2, 0.25, 0.5, 0.75, 0.8].map((c) => inBand(c, band))).toEqual([false, true, true, true, false]);
});
