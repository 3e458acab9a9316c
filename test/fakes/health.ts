import type { Health } from "../../replay/events.ts";

/** A step without any sign of collapse: four answers that are about as common. */
export const healthy: Health = {
  answerEntropy: 1.3,
  distinctAnswers: 4,
  commonestAnswer: 0.3,
  parseFailures: 0.05,
  abstentions: 0.1,
  malformedQuestions: 0.02,
  clusterShare: 0.3,
  templateShare: 0.4,
  cutAnswers: 0.02,
  cutQuestions: 0,
};
