import type { RunConfig } from "../arena/config/config.ts";
import type { EnvironmentStage, GrpoStage, SftStage, StageConfig } from "../arena/config/stages.ts";
import type { Phase } from "../replay/stages.ts";
import type { Pace } from "./pace.ts";

/** Something of each phase that there is. */
export type ByPhase<T> = Readonly<Partial<Record<Phase, T>>>;

/** A configuration of a run of one stage. */
export type OneStage = RunConfig & { readonly stages: readonly [StageConfig] };

/** What a phase works on, as it is configured. */
interface PhaseWork {
  /** What its steps are made of. */
  readonly unit: "images" | "items" | "questions" | "rows" | "tasks";
  /** How many of these make a step. */
  readonly perStep: number;
  /** Tokens that are sampled for one of them, and learnt from, if completions are as long as they may be. */
  readonly sampled: number;
  readonly learned: number;
}

/** The work of each phase that a stage may have. */
export function phaseWork(config: OneStage): ByPhase<PhaseWork> {
  const own = ownWork(config);
  return config.evaluation.questions === 0 ? own : { ...own, evaluation: evaluationWork(config) };
}

function ownWork(config: OneStage): ByPhase<PhaseWork> {
  const [stage] = config.stages;
  switch (stage.kind) {
    case "self_play":
      return selfPlayWork(config);
    case "sft":
      return { sft: sftWork(stage) };
    case "grpo":
      return { grpo: { unit: "rows", ...trajectoryWork(stage, 1) } };
    case "environment":
      return { environment: environmentWork(stage) };
  }
}

/** A size divided by a scale; at least one. */
export function partOf(size: number, scale: number): number {
  return Math.max(1, Math.round(size / scale));
}

/** Units in a step of each phase, with sizes divided by a scale. */
export function unitsPerStep(config: OneStage, scale: number): ByPhase<number> {
  return byPhase(config, ({ perStep }) => partOf(perStep, scale));
}

/** What one unit of each phase takes at a pace, if completions are as long as they may be. */
export function unitMs(config: OneStage, { sampledTokenMs, learnedTokenMs }: Pace): ByPhase<number> {
  return byPhase(config, ({ sampled, learned }) => sampled * sampledTokenMs + learned * learnedTokenMs);
}

function byPhase(config: OneStage, figure: (work: PhaseWork) => number): ByPhase<number> {
  return Object.fromEntries(Object.entries(phaseWork(config)).map(([phase, work]) => [phase, figure(work)]));
}

/** Of an answer in a stage's self-play or evaluation: with tools it comes in several turns. */
function answerTokens({ reasoner, stages: [stage] }: OneStage): number {
  const turns = stage.kind === "self_play" && stage.tools.use.length > 0 ? stage.maxTurns : 1;
  return turns * reasoner.maxTokens;
}

function selfPlayWork(config: OneStage): ByPhase<PhaseWork> {
  const { trial, warmUp, questioner, curriculum, coEvolution, reasoner } = config;
  const answer = answerTokens(config);
  const pair = questioner.maxTokens + reasoner.maxTokens;
  const { itemsPerStep, descriptionsPerStep } = reasoner.imitation;
  const imitatedPerItem = (itemsPerStep + descriptionsPerStep) / reasoner.itemsPerStep;
  const { use, descriptionsPerView, answersPerQuestion } = curriculum.evidence;
  const described =
    use === "none" ? 0 : (descriptionsPerView * curriculum.views + answersPerQuestion) * reasoner.maxTokens;
  const byBase = (coEvolution.questions * coEvolution.answers * answer) / curriculum.images;
  const blindly = questioner.answersPerQuestion + questioner.blindAnswersPerQuestion;
  return {
    trial: { unit: "images", perStep: trial.images, sampled: pair, learned: 0 },
    warmUp: {
      unit: "images",
      perStep: warmUp.imagesPerStep,
      sampled: warmUp.questionsPerImage * pair,
      learned: warmUp.questionsPerImage * pair,
    },
    questioner: {
      unit: "images",
      perStep: questioner.imagesPerStep,
      sampled: questioner.groupSize * (questioner.maxTokens + blindly * answer),
      learned: questioner.groupSize * questioner.maxTokens,
    },
    curriculum: {
      unit: "images",
      perStep: curriculum.imagesPerChunk,
      sampled:
        curriculum.questionsPerImage *
          (questioner.maxTokens + curriculum.answersPerQuestion * answer + described) +
        byBase,
      learned: 0,
    },
    reasoner: {
      unit: "items",
      perStep: reasoner.itemsPerStep,
      sampled: reasoner.groupSize * answer,
      learned: reasoner.groupSize * answer + imitatedPerItem * reasoner.maxTokens,
    },
  };
}

function evaluationWork(config: OneStage): PhaseWork {
  const { evaluation } = config;
  const sampled = (2 + 2 * evaluation.samples) * answerTokens(config);
  return { unit: "questions", perStep: evaluation.questionsPerChunk, sampled, learned: 0 };
}

function sftWork({ itemsPerStep, maxTokens, asks }: SftStage): PhaseWork {
  return { unit: "rows", perStep: itemsPerStep, sampled: 0, learned: (asks ? 2 : 1) * maxTokens };
}

function environmentWork(stage: EnvironmentStage): PhaseWork {
  const work = trajectoryWork(stage, stage.maxTurns);
  if (!stage.imitates) return { unit: "tasks", ...work };
  return { unit: "tasks", ...work, sampled: 0, learned: work.learned / stage.groupSize };
}

/** Of groups of trajectories. */
function trajectoryWork(
  { itemsPerStep, groupSize, maxTokens }: GrpoStage | EnvironmentStage,
  turns: number,
): Omit<PhaseWork, "unit"> {
  const tokens = groupSize * turns * maxTokens;
  return { perStep: itemsPerStep, sampled: tokens, learned: tokens };
}
