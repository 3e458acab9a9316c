import { expect, it } from "vitest";
import { mean, meanShare, meansByName, proportion, shareOf } from "../../arena/statistics.ts";

it("means of nothing are 0", () => {
  expect(mean([])).toBe(0);
  expect(shareOf([], () => true)).toBe(0);
  expect(meansByName([])).toEqual({});
});

it("means by name count only those who have it", () => {
  expect(meansByName([{ a: 1 }, { a: 3, b: 5 }])).toEqual({ a: 2, b: 5 });
});

it("proportions have Wilson's interval", () => {
  // Newcombe 1998, table I: 81 of 263, and 15 of 148.
  const cases = [
    [81, 263, 25.53, 36.62],
    [15, 148, 6.24, 16.05],
    [0, 20, 0, 16.11],
  ] as const;
  for (const [successes, n, low, high] of cases) {
    const estimate = proportion(successes, n);
    expect(estimate.percent).toBeCloseTo((100 * successes) / n, 10);
    expect(estimate.low).toBeCloseTo(low, 2);
    expect(estimate.high).toBeCloseTo(high, 2);
  }
});

it("mean shares count questions, not samples", () => {
  const estimate = meanShare([1, 1, 0, 0]);
  // Standard deviation 0.5774 over 4 questions.
  expect(estimate.percent).toBe(50);
  expect(estimate.low).toBe(0);
  expect(meanShare(new Array(100).fill([1, 0]).flat()).low).toBeCloseTo(50 - 100 * 1.959964 * 0.035443, 3);
  expect(meanShare([0.5])).toEqual({ percent: 50, low: 0, high: 100 });
});
