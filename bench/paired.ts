import { RandomStream } from "../common/random.ts";
import type { Outcomes } from "../replay/events.ts";

/** What of an evaluation can be paired, question by question. */
export type PairedMeasure = keyof Outcomes | "pass8";

/** A difference in points with its 95% interval, and that of each seed. */
export interface Difference {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  readonly seeds: readonly number[];
}

/** Two evaluations of one seed on the same questions. */
export type Pair = readonly [before: Outcomes, after: Outcomes];

const REPLICATES = 2000;

/**
 * The mean difference over seeds and questions, after minus before. Its interval is of a bootstrap that draws seeds and
 * questions anew, all seeds with the same questions, as they answered the same (Owen 2007, the pigeonhole bootstrap): to
 * draw questions for each seed alone would take for chance of a seed what all of them share. Null for no pairs; throws a
 * `RangeError` for evaluations of other questions.
 */
export function pairedDifference(
  pairs: readonly Pair[],
  measure: PairedMeasure,
  samples = 8,
): Difference | null {
  const differences = pairs.map(([before, after]) => {
    const [from, to] = [before, after].map((each) => scoresOf(each, measure, samples)) as [
      number[],
      number[],
    ];
    return to.map((score, i) => score - (from[i] as number));
  });
  const [first] = differences;
  if (!first) return null;
  const { length } = first;
  if (length === 0 || pairs.some((pair) => pair.some(({ greedy }) => greedy.length !== length)))
    throw new RangeError("the evaluations are of different questions");
  const seeds = differences.map((own) => 100 * mean(own));
  const stream = new RandomStream(0);
  const replicates = Array.from({ length: REPLICATES }, () => {
    const weights = new Uint16Array(length);
    for (let i = 0; i < length; i++) {
      const drawn = stream.integer(length);
      weights[drawn] = (weights[drawn] as number) + 1;
    }
    let sum = 0;
    for (let k = 0; k < differences.length; k++) {
      const own = differences[stream.integer(differences.length)] as number[];
      for (let i = 0; i < length; i++) sum += (weights[i] as number) * (own[i] as number);
    }
    return (100 * sum) / (length * differences.length);
  }).sort((a, b) => a - b);
  const at = (share: number) => replicates[Math.round(share * (REPLICATES - 1))] as number;
  return { mean: mean(seeds), low: at(0.025), high: at(0.975), seeds };
}

/** How right each question was answered, 0 to 1. */
function scoresOf(outcomes: Outcomes, measure: PairedMeasure, samples: number): number[] {
  const digits = [...outcomes[measure === "pass8" ? "mean8" : measure]].map((digit) =>
    Number.parseInt(digit, 36),
  );
  if (measure === "pass8") return digits.map((count) => Math.min(1, count));
  return measure === "mean8" || measure === "mean8_t06" ? digits.map((count) => count / samples) : digits;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
