/** What evaluations come to, as events have it. */

/** What the answers that were looked at came to; shares of those whose description could be judged, null for none. */
export interface AttributionFigures {
  readonly answers: number;
  /** Share whose description could be used. */
  readonly usable: number;
  /** Share whose description somebody could judge, too. */
  readonly judged: number;
  readonly described: number | null;
  readonly concluded: number | null;
  /** Share that went wrong there, by cause. */
  readonly causes: Readonly<Record<string, number | null>>;
}

/** A figure in percent and its 95% interval. */
export interface Estimate {
  readonly percent: number;
  readonly low: number;
  readonly high: number;
}

/** The figures that are read side by side. */
export interface Scores {
  readonly questions: number;
  readonly greedy: Estimate;
  /** Mean accuracy of single samples at temperature 1. */
  readonly mean8: Estimate;
  /** The same at temperature 0.6. */
  readonly mean8_t06: Estimate;
  readonly maj8: Estimate;
  readonly pass8: Estimate;
  /** Greedy accuracy with the image blanked. */
  readonly blind: Estimate;
  /** Greedy answers that abstain. */
  readonly abstention: Estimate;
  /** Greedy answers that do not parse. */
  readonly parseFailure: Estimate;
}

/**
 * Whether a policy looks, in percent. Of the questions that were asked about other pictures, too:
 * - `sighted`, `blank`, `other`, `shuffled`: greedy accuracy with the picture, with a blank one, with that of another
 *   question and with its patches shuffled
 * - `dependence`: the first minus the mean of the others, in points
 * - `sensitivity`: right answers that change rightly when what decides them is edited
 * - `stability`: right answers that stay when something else is edited
 *
 * Of the pictures of which it is known what they show:
 * - `popeRandom` and so on: right answers to "is there a …?", by how absent things were chosen; the F1 of "yes" and the
 *   share of it (POPE)
 * - `chairThings`, `chairDescriptions`: things named in descriptions that are not there, and descriptions with any (CHAIR)
 * - `chairRecall`, `described`: things there that were named, and descriptions that name anything
 *
 * Of the image encoder, where it learns:
 * - `encoder`, `encoderBase`: what a read-out that was fitted to the base sees right in cells of scenes, or pictures that
 *   find themselves among others, now and for the base
 * - `encoderFall`: the second minus the first, in points
 */
export type LookingFigure =
  | "dependence"
  | "sighted"
  | "blank"
  | "other"
  | "shuffled"
  | "sensitivity"
  | "stability"
  | `pope${"Random" | "Frequent" | "Adversarial"}${"" | "F1" | "Yes"}`
  | "chairThings"
  | "chairDescriptions"
  | "chairRecall"
  | "described"
  | "encoder"
  | "encoderBase"
  | "encoderFall";

/**
 * How well chances of being right fit what is right, in percent:
 * - `votesBrier`, `votesError`: the Brier score and the expected calibration error of the majority's share of the votes
 * - `stated`: greedy answers that say how sure they are
 * - `statedBrier`, `statedError`: the same as of votes, of what these say
 */
export type CalibrationFigure = "votesBrier" | "votesError" | "stated" | "statedBrier" | "statedError";

/**
 * How each question was answered, in their order, a character for each: how many of its answers are right, in base 36; of one
 * answer and of majorities that is 0 or 1. What pairs need that compare two evaluations question by question.
 */
export type Outcomes = Readonly<Record<"greedy" | "mean8" | "mean8_t06" | "maj8", string>>;

export interface EvaluationReport {
  /** Samples per question of mean8, maj8 and pass8. */
  readonly samples: number;
  readonly overall: Scores;
  readonly families: Readonly<Record<string, Scores>>;
  /** Null where answers are right by degrees, or there are more samples than base 36 has digits. */
  readonly outcomes: Outcomes | null;
  /** Whether it looks at all; without what nobody measured. */
  readonly looking: Readonly<Partial<Record<LookingFigure, Estimate>>>;
  /** Without what nobody said. */
  readonly calibration: Readonly<Partial<Record<CalibrationFigure, Estimate>>>;
  /** Where greedy answers went wrong: of all questions, and by family; null where nobody looked. */
  readonly attribution: {
    readonly overall: AttributionFigures;
    readonly families: Readonly<Record<string, AttributionFigures>>;
  } | null;
}
