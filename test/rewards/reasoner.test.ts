import { expect, test } from "vitest";
import { reasonerRewards, type Verification } from "../../rewards/reasoner.ts";

/** Those of the public code. */
const usual = { agreement: 0.9, format: 0.1, brevity: 0, description: 0 };
const right = { agrees: true, format: 1, described: null };
const wrong = { agrees: false, format: 1, described: null };
const broken = { agrees: false, format: 0, described: null };

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

test("brevity is relative to the agreeing answers and earns a wrong one nothing", () => {
  const weights = { agreement: 1, format: 0, brevity: 0.5, description: 0 };
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
