import { describe, expect, it } from "vitest";
import {
  mean,
  meanChange,
  meanDifference,
  meanScore,
  meanShare,
  meansByName,
  proportion,
  ratio,
  shareOf,
} from "../../arena/statistics.ts";

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

describe("differences of shares", () => {
  it("have the interval of the same spread between 0 and 1, and may be below nothing", () => {
    const differences = [1, 1, 0, 0.5, -1, 0, 0, 1];
    const { percent, low, high } = meanDifference(differences);
    const between = meanShare(differences.map((each) => (each + 1) / 2));
    expect(percent).toBeCloseTo(100 * mean(differences));
    expect(high - low).toBeCloseTo(2 * (between.high - between.low));
    expect(meanDifference(new Array(50).fill(-1)).low).toBeCloseTo(-100);
    const { low: below, high: above } = meanDifference(new Array(200).fill([1, -1]).flat());
    expect(below).toBeCloseTo(-above);
  });
});

describe("scores", () => {
  it("are proportions where each is right or wrong, else means of shares", () => {
    expect(meanScore([1, 0, 1, 1])).toEqual(proportion(3, 4));
    expect(meanScore([1, 0.5, 0])).toEqual(meanShare([1, 0.5, 0]));
  });
});

describe("ratios of counts", () => {
  it("are proportions where each pair is of one", () => {
    const parts = [1, 0, 0, 1, 1, 0, 1];
    const estimate = ratio(
      parts,
      parts.map(() => 1),
    );
    const expected = proportion(4, 7);
    for (const name of ["percent", "low", "high"] as const)
      expect(estimate[name]).toBeCloseTo(expected[name], 10);
    expect(ratio([0, 0], [3, 4])).toEqual(proportion(0, 7));
    expect(ratio([], [])).toEqual({ percent: 0, low: 0, high: 100 });
  });

  it("are less sure where the counts of a pair go together", () => {
    const width = ({ low, high }: { low: number; high: number }) => high - low;
    const apart = ratio(new Array(100).fill(2), new Array(100).fill(4));
    const together = ratio(new Array(50).fill([0, 4]).flat(), new Array(100).fill(4));
    expect(apart.percent).toBe(together.percent);
    // As if the hundred pairs were the trials, not the four hundred counts.
    expect(width(together)).toBeCloseTo(width(proportion(50, 100)), 10);
    expect(width(apart)).toBeCloseTo(width(proportion(200, 400)), 10);
  });
});

it("changes of many have the normal distribution's interval", () => {
  const { percent, low, high } = meanChange([0.1, -0.1, 0.3, 0.1]);
  // A mean of 0.1 and a variance of 0.08 / 3.
  expect(percent).toBeCloseTo(10);
  expect(high - percent).toBeCloseTo(100 * 1.959964 * Math.sqrt(0.08 / 3 / 4));
  expect(percent - low).toBeCloseTo(high - percent);
  expect(meanChange([0, 0, 0])).toEqual({ percent: 0, low: 0, high: 0 });
  expect(meanChange([0.5])).toEqual({ percent: 50, low: -100, high: 100 });
});
