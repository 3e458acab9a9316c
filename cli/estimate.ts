import type { RunConfig } from "../arena/config/config.ts";
import { picturesLookedAt } from "../arena/config/evaluation.ts";
import { reasonerSteps } from "../arena/config/reasoner.ts";
import { heldOutRows, heldOutTimes, type Stage, type StageConfig, stepsOf } from "../arena/config/stages.ts";
import { encodedImages } from "../arena/looking/encoder.ts";
import { type Phase, stages } from "../replay/stages.ts";
import { type PlannedPhase, phasesOf } from "../watch/planned_phases.ts";
import type { PhaseProbe } from "./gauge.ts";
import { type ByPhase, type OneStage, unitMs } from "./phase_work.ts";
import type { Probe } from "./probes.ts";

/** What a phase is expected to take each time; null where nothing is known of it. */
export interface PhaseEstimate {
  readonly steps: number;
  /** Images, items, questions, rows or tasks in a step. */
  readonly unitsPerStep: number;
  readonly stepMs: number | null;
  readonly totalMs: number | null;
  readonly replayBytes: number | null;
  /** By what the measured step was multiplied, for it was smaller or larger than configured; 1 for an equal one. */
  readonly scale: number | null;
  /** What an evaluation's time has in it beside its steps; null where nobody knows. */
  readonly looking?: {
    /** Of pictures about which it is asked whether it makes things up (POPE, CHAIR). */
    readonly madeUpMs: number | null;
    /** Of images that the encoder is probed with. */
    readonly encoderMs: number | null;
  };
  /** Whether the time is a guess from short calls, for the probe did not reach the phase. */
  readonly guessed: boolean;
}

/** What is expected to be taken, in time and on the disk. */
export interface Cost {
  readonly totalMs: number;
  readonly replayBytes: number;
  /** Of the models after each round. */
  readonly modelBytes: number;
}

/** What a stage is expected to take. Sums are over the phases that are known. */
export interface StageEstimate extends Cost {
  readonly schedule: readonly (PlannedPhase & { readonly steps: number })[];
  /** Folders of models that it writes. */
  readonly models: number;
  readonly phases: ByPhase<PhaseEstimate>;
  /** Phases of which nothing is known. */
  readonly unknown: readonly Phase[];
}

/** How much there is to learn from. */
export interface Supply {
  /** Images of self-play's pool. */
  readonly images: number;
  /** Labelled rows or tasks of the stage; null where it learns from images. */
  readonly rows: number | null;
}

/** Checkpoints beside the latest ones: the best round's, and the one that is written. */
const BEST_AND_NEW = 2;
/** A policy with its optimiser's two moments, in sizes of its model. */
const WITH_MOMENTS = 3;

/** Puts a probe's measurements together for a whole stage; `modelBytes` is the size of one saved model. */
export function estimateStage(
  run: RunConfig,
  stage: Stage,
  supply: Supply,
  found: Probe,
  modelBytes: number,
): StageEstimate {
  // A trial is not probed: it may be the very thing that ends a run, and takes as long as a few answers.
  const config = { ...run, trial: { ...run.trial, images: 0 } };
  const alone: OneStage = { ...config, stages: [stage.config] };
  const planned = phasesOf(stage, config);
  const sizes = sizesOf(alone, supply, found.admittedShare);
  const units = found.pace ? unitMs(alone, found.pace) : {};
  const { legs, roles } = stages[stage.config.kind];
  const kinds = legs.flatMap((leg) => planned.find(({ phase }) => phase === leg)?.phase ?? []);
  const own: ByPhase<PhaseEstimate> = Object.fromEntries(
    kinds.map((kind) => [
      kind,
      phaseEstimate(sizes[kind] as Workload, found.phases[kind], units[kind] ?? null),
    ]),
  );
  const evaluations = planned.filter(({ phase }) => phase === "evaluation").length;
  const phases = own.evaluation
    ? { ...own, evaluation: withLooking(own.evaluation, alone, found, evaluations) }
    : own;
  const models = roles.length * stage.rounds;
  const times = planned.map((each) => ({ ...each, ...(phases[each.phase] as PhaseEstimate) }));
  return {
    schedule: times.map(({ round, phase, steps }) => ({ round, phase, steps })),
    phases,
    totalMs: sumOf(times.map(({ totalMs }) => totalMs ?? 0)),
    replayBytes: sumOf(times.map(({ replayBytes }) => replayBytes ?? 0)),
    models,
    modelBytes: models * modelBytes,
    unknown: kinds.filter((kind) => phases[kind]?.totalMs === null),
  };
}

/** What stages take together. */
export function sumOfCosts(costs: readonly Cost[]): Cost {
  return {
    totalMs: sumOf(costs.map(({ totalMs }) => totalMs)),
    replayBytes: sumOf(costs.map(({ replayBytes }) => replayBytes)),
    modelBytes: sumOf(costs.map(({ modelBytes }) => modelBytes)),
  };
}

/** Bytes of a run's checkpoints, while one is written beside those that are kept, where those of its largest stage are. */
export function checkpointBytes({ checkpoint, stages: all }: RunConfig, modelBytes: number): number {
  const policies = Math.max(...all.map(({ kind }) => stages[kind].roles.length));
  return (checkpoint.keep + BEST_AND_NEW) * policies * WITH_MOMENTS * modelBytes;
}

/** Bytes resident once policies were open, and at the peak of a probe. */
export interface Resident {
  readonly opened: number;
  readonly peak: number;
}

/** Bytes of memory. */
export interface MemoryEstimate {
  readonly least: number;
  readonly most: number;
}

/** From smaller steps than of this part of the sizes, nothing is said of how memory grows. */
const MOST_GROWTH = 8;

/** What was resident at the peak of a probe, and the same if all beyond the open model grew with the sizes. */
export function estimateMemory({ opened, peak }: Resident, scale: number): MemoryEstimate {
  const grown = scale > 1 && scale <= MOST_GROWTH ? opened + scale * (peak - opened) : peak;
  return { least: peak, most: grown };
}

/** A phase's work as configured. */
interface Workload {
  /** Altogether, and in a step. */
  readonly units: number;
  readonly perStep: number;
  /** How often the loss of a row is measured that is held out. */
  readonly heldOut?: number;
}

function sizesOf(
  config: OneStage,
  { images: pool, rows }: Supply,
  admittedShare: number | null,
): ByPhase<Workload> {
  const { questioner, curriculum, reasoner, evaluation, warmUp } = config;
  const [stage] = config.stages;
  const questions = Math.min(evaluation.questionsPerChunk, evaluation.questions);
  const evaluated = { evaluation: { units: evaluation.questions, perStep: questions } };
  if (stage.kind !== "self_play") return { ...evaluated, [stage.kind]: stageSize(stage, rows ?? 0) };
  const imagesPerStep = Math.min(questioner.imagesPerStep, pool);
  const images = Math.min(curriculum.images, pool);
  const items = images * curriculum.questionsPerImage * (admittedShare ?? 1);
  const perStep = Math.min(reasoner.itemsPerStep, Math.max(1, Math.floor(items)));
  return {
    ...evaluated,
    questioner: { units: questioner.stepsPerRound * imagesPerStep, perStep: imagesPerStep },
    curriculum: { units: images, perStep: Math.min(curriculum.imagesPerChunk, images) },
    reasoner: { units: reasonerSteps(reasoner, items) * perStep, perStep },
    warmUp: { units: (warmUp.steps ?? 0) * warmUp.imagesPerStep, perStep: warmUp.imagesPerStep },
  };
}

/** Of a stage that learns from so many rows or tasks. */
function stageSize(stage: Exclude<StageConfig, { kind: "self_play" }>, rows: number): Workload {
  const out = stage.kind === "sft" ? heldOutRows(stage, rows) : 0;
  const learnt = rows - out;
  const perStep = Math.min(stage.itemsPerStep, learnt);
  const steps = stepsOf(stage, learnt);
  const times = stage.kind === "sft" ? heldOutTimes(stage, steps) : 0;
  return { units: steps * perStep, perStep, heldOut: out * times };
}

/**
 * Time and bytes grow with the units; what the first step took beyond the others is spent once. Without a measured step
 * it is `unitMs` for each.
 */
function phaseEstimate(
  { units, perStep, heldOut = 0 }: Workload,
  found: PhaseProbe | undefined,
  unitMs: number | null,
): PhaseEstimate {
  const steps = Math.ceil(units / perStep);
  if (!found) {
    const times =
      unitMs === null
        ? { stepMs: null, totalMs: null }
        : { stepMs: perStep * unitMs, totalMs: units * unitMs };
    const guessed = unitMs !== null;
    return { steps, unitsPerStep: perStep, ...times, replayBytes: null, scale: null, guessed };
  }
  const scale = perStep / found.unitsPerStep;
  const fullSteps = units / perStep;
  const once = Math.max(0, found.firstMs - found.stepMs);
  return {
    steps,
    unitsPerStep: perStep,
    stepMs: found.stepMs * scale,
    totalMs: fullSteps * found.stepMs * scale + heldOut * found.heldOutRowMs + once,
    replayBytes: fullSteps * found.replayBytes * scale,
    scale,
    guessed: false,
  };
}

/** An evaluation with what it takes after its steps. */
function withLooking(
  estimate: PhaseEstimate,
  { evaluation }: OneStage,
  { phases, pace }: Probe,
  evaluations: number,
): PhaseEstimate {
  const [pictures, images] = [picturesLookedAt(evaluation), encodedImages(evaluation, evaluations)];
  const { lookedAtMs } = phases.evaluation ?? {};
  const imageMs = pace?.encodedImageMs ?? null;
  const madeUpMs = pictures === 0 ? 0 : lookedAtMs === undefined ? null : pictures * lookedAtMs;
  const encoderMs = images === 0 ? 0 : pace && (imageMs === null ? 0 : images * imageMs);
  const { totalMs } = estimate;
  return {
    ...estimate,
    totalMs: totalMs === null ? null : totalMs + (madeUpMs ?? 0) + (encoderMs ?? 0),
    looking: { madeUpMs, encoderMs: encoderMs ?? null },
  };
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
