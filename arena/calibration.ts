import { deriveSeed, RandomStream } from "../common/random.ts";
import type { CalibrationFigure, Estimate } from "../replay/events.ts";
import { mean, meanScore } from "./statistics.ts";

/** A chance of being right that was given, and how right that was, each from 0 to 1. */
export interface Forecast {
  readonly stated: number;
  readonly right: number;
}

/** What a question says of calibration; null where there is nothing to hold against what is right. */
export interface CalibrationMark {
  /** The majority's share of the votes, and whether the majority is right; null without votes. */
  readonly votes: Forecast | null;
  /** What the greedy answer says to be sure of; null where it says nothing of that. */
  readonly statement: Forecast | null;
}

/** The Brier score, the mean of (stated - right)²: 0 for who knows, 0.25 for who always says a half; 0 of none. */
export function brierScore(forecasts: readonly Forecast[]): number {
  return mean(forecasts.map(({ stated, right }) => (stated - right) ** 2));
}

/** Bins of equal width, the last of which includes 1. */
const BINS = 10;

/**
 * The expected calibration error: by how much what is stated differs from what is right, on average, in ten bins of equal width,
 * weighted by what lies in them (Guo et al. 2017, arXiv 1706.04599); 0 of none.
 */
export function calibrationError(forecasts: readonly Forecast[]): number {
  const gaps = new Array<number>(BINS).fill(0);
  for (const { stated, right } of forecasts) {
    const bin = Math.min(BINS - 1, Math.floor(BINS * stated));
    gaps[bin] = (gaps[bin] as number) + stated - right;
  }
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / Math.max(1, forecasts.length);
}

/** How well an evaluation's votes, and what its answers say to be sure of, fit what is right; without what nobody said. */
export function calibrationFigures(
  marks: readonly CalibrationMark[],
): Readonly<Partial<Record<CalibrationFigure, Estimate>>> {
  const votes = marks.flatMap(({ votes }) => votes ?? []);
  const statements = marks.flatMap(({ statement }) => statement ?? []);
  return {
    ...(votes.length > 0 && {
      votesBrier: bootstrapped(votes, brierScore),
      votesError: bootstrapped(votes, calibrationError),
    }),
    ...(statements.length > 0 && {
      stated: meanScore(marks.map(({ statement }) => Number(statement !== null))),
      statedBrier: bootstrapped(statements, brierScore),
      statedError: bootstrapped(statements, calibrationError),
    }),
  };
}

const RESAMPLES = 1000;

/**
 * A figure of forecasts with the 95% percentile interval of a bootstrap over them, whose draws are always the same, in percent.
 * Where the figure grows with noise, as an error of calibration does, the interval is wide enough to hold it.
 */
function bootstrapped(
  forecasts: readonly Forecast[],
  figureOf: (some: readonly Forecast[]) => number,
): Estimate {
  const stream = new RandomStream(deriveSeed(0, "calibration.bootstrap"));
  const value = figureOf(forecasts);
  const drawn = Array.from({ length: RESAMPLES }, () =>
    figureOf(forecasts.map(() => stream.pick(forecasts))),
  ).sort((a, b) => a - b);
  const at = (place: number) => drawn[Math.round(place * (RESAMPLES - 1))] as number;
  const [low, high] = [Math.min(value, at(0.025)), Math.max(value, at(0.975))];
  return { percent: 100 * value, low: 100 * low, high: 100 * high };
}
