/**
 * What shows that self-play is collapsing, of one step: shares from 0 to 1, null where there was nothing to judge.
 */
export interface Health {
  /** Entropy of the answers to all prompts together, natural log. */
  readonly answerEntropy: number | null;
  /** Different answers among them. */
  readonly distinctAnswers: number;
  /** Share of prompts whose majority answer is the commonest one. */
  readonly commonestAnswer: number | null;
  /** Answers that are no vote (they do not parse, or refuse), and that abstain. */
  readonly parseFailures: number | null;
  readonly abstentions: number | null;
  /** Answers, and questions, that were cut off at their longest. */
  readonly cutAnswers: number | null;
  readonly cutQuestions: number | null;
  /** Questions that do not parse; null, as are those below, where nobody asked. */
  readonly malformedQuestions: number | null;
  /** Share of an image's questions that its largest cluster of near duplicates holds, mean over images. */
  readonly clusterShare: number | null;
  /** Share of questions that begin with the commonest three words. */
  readonly templateShare: number | null;
}

/** What an alarm may be about. */
export type AlarmName =
  | "answerEntropy"
  | "constantAnswer"
  | "parseFailures"
  | "abstentions"
  | "malformedQuestions"
  | "clusterShare"
  | "templateShare"
  | "cutAnswers"
  | "cutQuestions"
  | "lengthGrowth"
  | "silverAccuracy"
  | "dependence"
  | "encoder"
  | "grounding";
