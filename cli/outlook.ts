import type { RunConfig } from "../arena/config/config.ts";
import type { QuestionerStep } from "../replay/events.ts";
import { roundTokens } from "../watch/round_tokens.ts";
import { count, duration, plural } from "./format.ts";

/** What a run is going to do, in a few lines. */
export function outlook({ rounds, questioner, curriculum, reasoner }: RunConfig, pool: number): string {
  const asked = Math.min(curriculum.images, pool);
  const perStep = Math.min(questioner.imagesPerStep, pool);
  const questions = questioner.train
    ? [
        `questioner: ${plural(questioner.stepsPerRound, "step")} of ${plural(perStep, "image")}, ${questioner.groupSize} questions about each, ${questioner.answersPerQuestion} answers to each`,
      ]
    : [];
  return [
    `${plural(rounds, "round")}, each with`,
    ...questions,
    `curriculum: ${plural(asked, "image")}, ${curriculum.questionsPerImage} questions about each, ${curriculum.answersPerQuestion} answers to each`,
    `reasoner: at most ${plural(reasoner.stepsPerRound, "step")} of ${reasoner.itemsPerStep} items, ${reasoner.groupSize} answers to each`,
    `a question has at most ${questioner.maxTokens} tokens, an answer ${reasoner.maxTokens}`,
  ].join("\n  ");
}

/**
 * A first estimate of a run's time from its first step: as long for every token that is sampled, with all that comes
 * with it, and questions and answers as long as there. `visplay plan` measures each phase instead.
 */
export function firstEstimate(config: RunConfig, pool: number, step: QuestionerStep): string {
  const tokens = roundTokens(config, pool, step);
  const msPerToken = step.durationMs / Math.max(1, step.sampledTokens);
  const parts = Object.entries(tokens).map(([phase, all]) => `${phase} ${duration(all * msPerToken)}`);
  const roundMs = (tokens.questioner + tokens.curriculum + tokens.reasoner) * msPerToken;
  const whole = `about ${duration(config.rounds * roundMs)} for ${plural(config.rounds, "round")}`;
  const rate = `${count(1000 / msPerToken)} tokens/s in the first step`;
  return `first estimate: ${whole}, without evaluation (a round: ${parts.join(", ")}; ${rate})`;
}
