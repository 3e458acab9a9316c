import type { RunConfig } from "../arena/config/config.ts";
import type { QuestionerStep } from "../replay/events.ts";

/** Tokens that are sampled in a round, by phase. */
export interface RoundTokens {
  readonly questioner: number;
  readonly curriculum: number;
  readonly reasoner: number;
}

/** Those of a round of a run on a `pool` of images, where questions and answers are as long as in a step. */
export function roundTokens(config: RunConfig, pool: number, step: QuestionerStep): RoundTokens {
  const { questioner, curriculum, reasoner } = config;
  const asked = step.groups * questioner.groupSize * step.meanTokens;
  const answers = step.questions * (questioner.answersPerQuestion + questioner.blindAnswersPerQuestion);
  // Without a single question there was no answer to learn their length from.
  const answer = answers > 0 ? (step.sampledTokens - asked) / answers : reasoner.maxTokens;
  const votes = curriculum.answersPerQuestion + curriculum.gate.blindAnswersPerQuestion;
  const questions = Math.min(curriculum.images, pool) * curriculum.questionsPerImage;
  const passes = Math.ceil((reasoner.maxPasses * questions) / reasoner.itemsPerStep);
  const steps = Math.min(reasoner.stepsPerRound, Math.max(1, passes));
  const items = Math.min(reasoner.itemsPerStep, questions);
  return {
    questioner: questioner.stepsPerRound * step.sampledTokens,
    curriculum: questions * (step.meanTokens + votes * answer),
    reasoner: steps * items * reasoner.groupSize * answer,
  };
}
