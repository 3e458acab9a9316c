import { expect, test } from "vitest";
import { reasonerRewards, type Verification } from "../../rewards/reasoner.ts";

/** Those of the public code. */
const usual = { agreement: 0.9, format: 0.1, brevity: 0, description: 0, certainty: 0 };
const right = { agrees: true, format: 1, described: null, stated: null };
const wrong = { agrees: false, format: 1, described: null, stated: null };
const broken = { agrees: false, format: 0, described: null, stated: null };

test("agreement first; the form decides among wrong answers", () => {
  const rewards = reasonerRewards(
    [
      { ...right, tokens: 10 },
      { ...wrong, tokens: 5 },
      { ...broken, tokens: 1 },
    ],
    usual,
  );
  expect(rewards.map(({ total }) => total)).toEqual([1, 0.1, 0]);
  expect(rewards[1]?.parts).toEqual({ agreement: 0, format: 1, brevity: 0 });
});

test("what an answer says to be sure of costs more where it is wrong, by its weight", () => {
  const answers = [
    { ...right, tokens: 4, stated: 0.7 },
    { ...wrong, tokens: 4, stated: 0.7 },
    { ...right, tokens: 4, stated: 1 },
    { ...wrong, tokens: 4, stated: 1 },
    { ...broken, tokens: 4 },
  ];
  const scored = reasonerRewards(answers, { ...usual, certainty: 0.5 });
  const parts = scored.map(({ parts }) => parts.certainty as number);
  expect(parts.map((part) => Math.round(100 * part) / 100)).toEqual([0.91, 0.51, 1, 0, 0]);
  expect(scored[1]?.total).toBeCloseTo(0.1 + 0.5 * 0.51);
  const others = reasonerRewards(answers, usual);
  expect(others.map(({ parts }) => "certainty" in parts)).toEqual(answers.map(() => false));
  expect(others.map(({ total }) => total)).toEqual([1, 0.1, 1, 0.1, 0]);
});

test("brevity is relative to the agreeing answers and earns a wrong one nothing", () => {
  const weights = { agreement: 1, format: 0, brevity: 0.5, description: 0, certainty: 0 };
  const rewards = reasonerRewards(
    [
      { ...right, tokens: 30 },
      { ...right, tokens: 10 },
      { ...right, tokens: 20 },
      { ...wrong, tokens: 2 },
      { ...broken, tokens: 90 },
    ],
    weights,
  );
  expect(rewards.map(({ parts }) => parts.brevity)).toEqual([0, 1, 0.5, 0, 0]);
  expect(rewards.map(({ total }) => total)).toEqual([1, 1.5, 1.25, 0, 0]);
});

test("equally long, alone, or nobody right", () => {
  const brevity = (group: Parameters<typeof reasonerRewards>[0]): number[] =>
    reasonerRewards(group, usual).map(({ parts }) => parts.brevity);
  expect(
    brevity([
      { ...right, tokens: 4 },
      { ...right, tokens: 4 },
    ]),
  ).toEqual([1, 1]);
  expect(
    brevity([
      { ...right, tokens: 4 },
      { ...wrong, tokens: 2 },
    ]),
  ).toEqual([1, 0]);
  expect(brevity([{ ...wrong, tokens: 2 }])).toEqual([0]);
  expect(reasonerRewards([], usual)).toEqual([]);
});

test("verification asks an agreeing answer for a description that leads to it", () => {
  const answers = [
    { ...right, tokens: 4, described: true },
    { ...right, tokens: 4, described: false },
    { ...wrong, tokens: 4, described: true },
  ];
  const agreement = (verification: Verification) =>
    reasonerRewards(answers, usual, verification).map(({ parts }) => parts.agreement);
  expect(agreement("none")).toEqual([1, 1, 0]);
  expect(agreement("staged")).toEqual([1, 0.5, 0]);
  expect(agreement("gate")).toEqual([1, 0, 0]);
  const seen = reasonerRewards(answers, { ...usual, description: 0.5 }, "staged");
  expect(seen.map(({ parts }) => parts.description)).toEqual([1, 0, 1]);
  expect(seen.map(({ total }) => total)).toEqual([1.5, 0.55, 0.6]);
});
