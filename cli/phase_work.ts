import type { RunConfig } from "../arena/config/config.ts";
import type { SelfPlayPhase } from "../replay/stages.ts";
import type { Pace } from "./pace.ts";

/** What a phase works on. */
interface PhaseWork {
  /** What its steps are made of. */
  readonly unit: "images" | "items" | "questions";
  /** How many of these make a step. */
  readonly perStep: (config: RunConfig) => number;
  /** Tokens that are sampled for one of them, and learnt from, if completions are as long as they may be. */
  readonly tokens: (config: RunConfig) => { readonly sampled: number; readonly learned: number };
}

export const phaseWork: Readonly<Record<SelfPlayPhase, PhaseWork>> = {
  trial: {
    unit: "images",
    perStep: ({ trial }) => trial.images,
    tokens: ({ questioner, reasoner }) => ({
      sampled: questioner.maxTokens + reasoner.maxTokens,
      learned: 0,
    }),
  },
  warmUp: {
    unit: "images",
    perStep: ({ warmUp }) => warmUp.imagesPerStep,
    tokens: ({ warmUp, questioner, reasoner }) => {
      const all = warmUp.questionsPerImage * (questioner.maxTokens + reasoner.maxTokens);
      return { sampled: all, learned: all };
    },
  },
  questioner: {
    unit: "images",
    perStep: ({ questioner }) => questioner.imagesPerStep,
    tokens: ({ questioner, reasoner }) => {
      const { groupSize, maxTokens, answersPerQuestion, blindAnswersPerQuestion } = questioner;
      const answers = (answersPerQuestion + blindAnswersPerQuestion) * reasoner.maxTokens;
      return { sampled: groupSize * (maxTokens + answers), learned: groupSize * maxTokens };
    },
  },
  curriculum: {
    unit: "images",
    perStep: ({ curriculum }) => curriculum.imagesPerChunk,
    tokens: ({ curriculum, questioner, reasoner }) => {
      const votes = curriculum.answersPerQuestion * reasoner.maxTokens;
      return { sampled: curriculum.questionsPerImage * (questioner.maxTokens + votes), learned: 0 };
    },
  },
  reasoner: {
    unit: "items",
    perStep: ({ reasoner }) => reasoner.itemsPerStep,
    tokens: ({ reasoner: { groupSize, maxTokens } }) => ({
      sampled: groupSize * maxTokens,
      learned: groupSize * maxTokens,
    }),
  },
  evaluation: {
    unit: "questions",
    perStep: ({ evaluation }) => evaluation.questionsPerChunk,
    tokens: ({ evaluation, reasoner }) => ({
      sampled: (2 + 2 * evaluation.samples) * reasoner.maxTokens,
      learned: 0,
    }),
  },
};

/** Units in a step of each phase, with sizes divided by a scale. */
export function unitsPerStep(config: RunConfig, scale: number): Record<SelfPlayPhase, number> {
  return byPhase(({ perStep }) => Math.max(1, Math.round(perStep(config) / scale)));
}

/** What one unit of each phase takes at a pace, if completions are as long as they may be. */
export function unitMs(
  config: RunConfig,
  { sampledTokenMs, learnedTokenMs }: Pace,
): Record<SelfPlayPhase, number> {
  return byPhase(({ tokens }) => {
    const { sampled, learned } = tokens(config);
    return sampled * sampledTokenMs + learned * learnedTokenMs;
  });
}

function byPhase(figure: (work: PhaseWork) => number): Record<SelfPlayPhase, number> {
  const entries = Object.entries(phaseWork).map(([phase, work]) => [phase, figure(work)]);
  return Object.fromEntries(entries) as Record<SelfPlayPhase, number>;
}
