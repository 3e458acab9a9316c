import type { CalibrationFigure, EvaluationReport, LookingFigure, Scores } from "./evaluation_records.ts";

/** A figure of an evaluation, as records name it. */
export type Figure = keyof Omit<Scores, "questions">;

/**
 * A figure's name for people where a question had so many samples: records say mean8, maj8 and pass8 whatever their
 * number is.
 */
export function figureName(figure: Figure, samples: number): string {
  return figure.replace(/^(mean|maj|pass)8/, `$1${samples}`);
}

/** Whether a policy looks, figure by figure, for people: in the order in which they are shown. */
export const lookingTitles: Readonly<Record<LookingFigure, string>> = {
  dependence: "dependence",
  sighted: "sighted",
  blank: "blank",
  other: "other picture",
  shuffled: "shuffled",
  sensitivity: "sensitivity",
  stability: "stability",
  popeRandom: "POPE random",
  popeRandomF1: "F1",
  popeRandomYes: "yes",
  popeFrequent: "POPE frequent",
  popeFrequentF1: "F1",
  popeFrequentYes: "yes",
  popeAdversarial: "POPE adversarial",
  popeAdversarialF1: "F1",
  popeAdversarialYes: "yes",
  chairThings: "CHAIR things",
  chairDescriptions: "CHAIR descriptions",
  chairRecall: "recall",
  described: "described",
  encoder: "encoder",
  encoderBase: "encoder, base",
  encoderFall: "encoder's fall",
};

/** How well chances of being right fit what is right, for people: in the order in which they are shown. */
export const calibrationTitles: Readonly<Record<CalibrationFigure, string>> = {
  votesBrier: "Brier of votes",
  votesError: "ECE of votes",
  stated: "say how sure",
  statedBrier: "Brier of statements",
  statedError: "ECE of statements",
};

/** Figures of an evaluation under their names for people. */
export function named<T>(figures: Readonly<Record<string, T>>, samples: number): Record<string, T> {
  const entries = Object.entries(figures) as [Figure, T][];
  return Object.fromEntries(entries.map(([figure, value]) => [figureName(figure, samples), value]));
}

/** An evaluation's figures in percent under their names. */
export function namedScores({
  overall,
  looking,
  calibration,
  samples,
}: EvaluationReport): Record<string, number> {
  const { questions: _, ...scores } = overall;
  const estimates = Object.entries({ ...named(scores, samples), ...looking, ...calibration });
  return Object.fromEntries(estimates.map(([figure, { percent }]) => [figure, percent]));
}
