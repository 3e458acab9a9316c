import { setTimeout } from "node:timers/promises";

/** Something whose time is taken. */
export type Work = () => Promise<unknown>;

/** Lets the threads of the last measurement fall asleep, which would otherwise spin beside the next one. */
const settleMs = 20;

/** The result of something and how long it took. */
export async function time<T>(work: () => Promise<T>): Promise<{ result: T; seconds: number }> {
  const start = performance.now();
  const result = await work();
  return { result, seconds: (performance.now() - start) / 1000 };
}

/**
 * Seconds of each candidate in each of `rounds`, [candidates][rounds]. All run once to warm up; then every round
 * runs them one after another, forwards and backwards in turn. What slows the machine for longer than a round
 * slows all alike, and none is always first: a ratio within a round (see `medianRatio`) is free of drift.
 */
export async function interleave<K extends string>(
  candidates: Readonly<Record<K, Work>>,
  rounds: number,
): Promise<Record<K, number[]>> {
  const names = Object.keys(candidates) as K[];
  for (const name of names) await candidates[name]();
  const seconds = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<K, number[]>;
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      await setTimeout(settleMs);
      seconds[name].push((await time(candidates[name])).seconds);
    }
  }
  return seconds;
}

/** The median over rounds of a / b. */
export function medianRatio(a: readonly number[], b: readonly number[]): number {
  return median(a.map((value, round) => value / (b[round] as number)));
}

/** The middle value, or the mean of the middle two; NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[middle]];
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2;
}
