import { type EvaluationConfig, picturesLookedAt } from "../arena/config/evaluation.ts";
import type { StageConfig } from "../arena/config/stages.ts";
import { type OneStage, partOf } from "./phase_work.ts";

/** A configuration with few and maybe smaller steps, that learns nothing and admits everything. */
export function probeConfig(config: OneStage, scale: number, steps: number): OneStage {
  const { questioner, curriculum, reasoner, evaluation, warmUp } = config;
  const part = (size: number) => partOf(size, scale);
  const [stage] = config.stages;
  return {
    ...config,
    rounds: 1,
    stages: [shortStage(stage, part, steps)],
    trial: { ...config.trial, images: 0 },
    warmUp: {
      ...warmUp,
      learningRate: 0,
      steps: Math.min(warmUp.steps ?? 0, steps),
      imagesPerStep: part(warmUp.imagesPerStep),
    },
    questioner: {
      ...questioner,
      learningRate: 0,
      stepsPerRound: steps,
      imagesPerStep: part(questioner.imagesPerStep),
    },
    curriculum: {
      ...curriculum,
      images: steps * part(curriculum.imagesPerChunk),
      imagesPerChunk: part(curriculum.imagesPerChunk),
      band: { low: 0, high: 1 },
      keepUnanswerable: true,
      gate: {
        ...curriculum.gate,
        minParsedShare: 0,
        minVotes: 1,
        maxAbstentionShare: 1,
        maxBlindAgreement: 1,
        minEvidence: 0,
      },
    },
    reasoner: {
      ...reasoner,
      learningRate: 0,
      stepsPerRound: steps,
      maxPasses: Number.MAX_SAFE_INTEGER,
      itemsPerStep: part(reasoner.itemsPerStep),
      itemsPerChunk: part(reasoner.itemsPerChunk),
    },
    evaluation: shortEvaluation(evaluation, part, steps),
    alarms: { ...config.alarms, stop: false },
  };
}

/** An evaluation on a few chunks of questions, with its shares of those that are asked again and of pictures that are looked at; the encoder is timed apart. */
function shortEvaluation(
  evaluation: EvaluationConfig,
  part: (size: number) => number,
  steps: number,
): EvaluationConfig {
  const { questions: all, questionsPerChunk, dependence, hallucination, encoder } = evaluation;
  const questions = Math.min(all, steps * part(questionsPerChunk));
  const pictures = picturesLookedAt(evaluation);
  const again = Math.ceil((dependence.questions * questions) / Math.max(1, all));
  return {
    ...evaluation,
    questions,
    questionsPerChunk: part(questionsPerChunk),
    dependence: { ...dependence, questions: again },
    hallucination: { ...hallucination, pictures: pictures === 0 ? 0 : part(pictures) },
    encoder: { ...encoder, pictures: 0 },
  };
}

/** A stage of a few steps; every one of them measures what is held out, if anything is. */
function shortStage(stage: StageConfig, part: (size: number) => number, steps: number): StageConfig {
  if (stage.kind === "self_play") return { ...stage, rounds: 1, requires: {} };
  const itemsPerStep = part(stage.itemsPerStep);
  const short = { itemsPerStep, steps, learningRate: 0, requires: {} };
  if (stage.kind !== "sft") return { ...stage, ...short };
  return { ...stage, ...short, heldOut: Math.min(stage.heldOut, itemsPerStep), heldOutEvery: 1 };
}
