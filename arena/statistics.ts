import type { Estimate } from "../replay/events.ts";

/** The normal distribution's two-sided 95% quantile. */
const Z95 = 1.959964;

/** 0 for no values. */
export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The share of items for which something holds; 0 for no items. */
export function shareOf<T>(items: readonly T[], holds: (item: T) => boolean): number {
  return mean(items.map((item) => (holds(item) ? 1 : 0)));
}

/** The mean of each name's values over the records that have it. */
export function meansByName(records: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const values = new Map<string, number[]>();
  for (const [name, value] of records.flatMap((record) => Object.entries(record))) {
    const known = values.get(name);
    if (known) known.push(value);
    else values.set(name, [value]);
  }
  return Object.fromEntries([...values].map(([name, all]) => [name, mean(all)]));
}

/** A proportion of n trials, or of as many as are worth n, with Wilson's 95% score interval, in percent. */
export function proportion(successes: number, n: number): Estimate {
  if (n === 0) return { percent: 0, low: 0, high: 100 };
  const p = successes / n;
  const spread = Z95 * Math.sqrt((p * (1 - p)) / n + Z95 ** 2 / (4 * n ** 2));
  const [low, high] = [-spread, spread].map((d) => (p + Z95 ** 2 / (2 * n) + d) / (1 + Z95 ** 2 / n));
  return { percent: 100 * p, low: 100 * Math.max(0, low as number), high: 100 * Math.min(1, high as number) };
}

/**
 * A mean of shares, one for each question, with a 95% interval, in percent. The samples of one question depend on each
 * other, so questions are what is counted: the interval is Wilson's for as many trials as would vary as the shares do
 * (a design effect, Kish 1965). One more question, right or wrong at random, stands in for what few do not show.
 */
export function meanShare(shares: readonly number[]): Estimate {
  const [n, p] = [shares.length, mean(shares)];
  const most = p * (1 - p);
  if (n === 0 || most === 0) return proportion(p * n, n);
  const variance = (shares.reduce((sum, share) => sum + (share - p) ** 2, 0) + most) / n;
  const trials = (n * most) / Math.min(most, variance);
  return proportion(p * trials, trials);
}

/** The mean of scores from 0 to 1, a proportion where each is either, with a 95% interval, in percent. */
export function meanScore(scores: readonly number[]): Estimate {
  const isWhole = scores.every((each) => each === 0 || each === 1);
  return isWhole ? proportion(scores.filter((each) => each === 1).length, scores.length) : meanShare(scores);
}

/**
 * The sum of some counts over that of others, of which they are parts, with a 95% interval, in percent. Counts of one pair
 * depend on each other, so pairs are what is counted, as in `meanShare`: the variance is that of a ratio, linearised
 * (Cochran 1977, 6.4).
 */
export function ratio(parts: readonly number[], wholes: readonly number[]): Estimate {
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const [part, whole] = [sum(parts), sum(wholes)];
  const p = whole === 0 ? 0 : part / whole;
  const most = p * (1 - p);
  if (most === 0) return proportion(part, whole);
  const squares = sum(parts.map((value, i) => (value - p * (wholes[i] as number)) ** 2));
  const trials = Math.min(whole, (most * whole ** 2) / squares);
  return proportion(p * trials, trials);
}

/** Sums over pairs of a count and the whole that it is a part of: all that `ratioOf` needs, however many there are. */
export interface RatioSums {
  readonly parts: number;
  readonly wholes: number;
  readonly partSquares: number;
  readonly products: number;
  readonly wholeSquares: number;
}

export const noPairs: RatioSums = { parts: 0, wholes: 0, partSquares: 0, products: 0, wholeSquares: 0 };

export function withPair(sums: RatioSums, part: number, whole: number): RatioSums {
  return {
    parts: sums.parts + part,
    wholes: sums.wholes + whole,
    partSquares: sums.partSquares + part ** 2,
    products: sums.products + part * whole,
    wholeSquares: sums.wholeSquares + whole ** 2,
  };
}

/** What `ratio` gives for the same pairs. */
export function ratioOf({ parts, wholes, partSquares, products, wholeSquares }: RatioSums): Estimate {
  const p = wholes === 0 ? 0 : parts / wholes;
  const most = p * (1 - p);
  if (most === 0) return proportion(parts, wholes);
  const squares = Math.max(0, partSquares - 2 * p * products + p ** 2 * wholeSquares);
  const trials = Math.min(wholes, (most * wholes ** 2) / squares);
  return proportion(p * trials, trials);
}

/** Whether one figure is above another: the 95% interval of the difference lies above nothing. */
export function isSurelyAbove(above: Estimate, below: Estimate): boolean {
  return above.percent - below.percent > Math.hypot(above.percent - above.low, below.high - below.percent);
}

/**
 * A mean of differences of shares, each from -1 to 1, with a 95% interval, in percentage points: that of `meanShare` for
 * the same values between 0 and 1.
 */
export function meanDifference(differences: readonly number[]): Estimate {
  const { percent, low, high } = meanShare(differences.map((difference) => (difference + 1) / 2));
  const unfold = (value: number) => 2 * value - 100;
  return { percent: unfold(percent), low: unfold(low), high: unfold(high) };
}

/**
 * A mean of changes of shares, each from -1 to 1, with a 95% interval, in percentage points, by the normal distribution: for
 * many items, most of which have changed by little or nothing.
 */
export function meanChange(changes: readonly number[]): Estimate {
  const [n, change] = [changes.length, mean(changes)];
  if (n < 2) return { percent: 100 * change, low: -100, high: 100 };
  const variance = changes.reduce((sum, each) => sum + (each - change) ** 2, 0) / (n - 1);
  const spread = Z95 * Math.sqrt(variance / n);
  return { percent: 100 * change, low: 100 * (change - spread), high: 100 * (change + spread) };
}

/** How often each value occurs, in the order of first appearance. */
export function talliesOf<T>(values: readonly T[]): Map<T, number> {
  const tallies = new Map<T, number>();
  for (const value of values) tallies.set(value, (tallies.get(value) ?? 0) + 1);
  return tallies;
}

/** Shannon entropy of the distribution that counts describe, natural log; 0 for one kind or none. */
export function entropy(counts: readonly number[]): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.reduce(
    (sum, count) => (count > 0 ? sum - (count / total) * Math.log(count / total) : sum),
    0,
  );
}
