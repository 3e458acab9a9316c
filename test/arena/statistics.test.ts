import { describe, expect, it } from "vitest";
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

describe("mean shares", () => {
  it("are proportions where a question's samples agree", () => {
    for (const shares of [[1, 1, 0, 0], [1], [0, 0, 0], new Array(14).fill(0), new Array(9).fill(1)]) {
      const estimate = meanShare(shares);
      const expected = proportion(
        shares.reduce((sum, share) => sum + share, 0),
        shares.length,
      );
      expect(estimate.percent).toBe(expected.percent);
      expect(estimate.low).toBeCloseTo(expected.low, 10);
      expect(estimate.high).toBeCloseTo(expected.high, 10);
    }
    // Wilson's interval of 0 out of 14; "0 to 0" would be none.
    expect(meanShare(new Array(14).fill(0)).high).toBeCloseTo(21.53, 2);
  });

  it("count questions, and are the surer the less these differ", () => {
    const halfWidth = (shares: number[]) => (meanShare(shares).high - meanShare(shares).low) / 2;
    const many = new Array(500).fill([0.25, 0.75]).flat();
    // The normal approximation: a standard deviation of 0.25 over 1,000 questions.
    expect(halfWidth(many)).toBeCloseTo(100 * 1.959964 * (0.25 / Math.sqrt(1000)), 1);
    expect(halfWidth(many)).toBeLessThan(halfWidth(new Array(500).fill([0, 1]).flat()));
    expect(halfWidth(new Array(14).fill(0.5))).toBeGreaterThan(5);
    expect(meanShare([])).toEqual({ percent: 0, low: 0, high: 100 });
  });
});
