import type { RunConfig } from "../arena/config/config.ts";
import { allRounds } from "../arena/config/stages.ts";
import { type SelfPlayPhase, selfPlayPhases } from "../replay/stages.ts";
import { type PlannedPhase, plannedPhases } from "../watch/planned_phases.ts";
import { unitMs } from "./phase_work.ts";
import type { PhaseProbe, Probe } from "./probe.ts";

/** What a phase is expected to take each time; null where nothing is known of it. */
export interface PhaseEstimate {
  readonly steps: number;
  /** Images, items or questions in a step. */
  readonly unitsPerStep: number;
  readonly stepMs: number | null;
  readonly totalMs: number | null;
  readonly replayBytes: number | null;
  /** By what the measured step was multiplied, for it was smaller or larger than configured; 1 for an equal one. */
  readonly scale: number | null;
  /** Whether the time is a guess from short calls, for the probe did not reach the phase. */
  readonly guessed: boolean;
}

/** A phase that a run is to have. */
type OfSelfPlay = PlannedPhase & { readonly phase: SelfPlayPhase };

/** What a run is expected to take. Sums are over the phases that are known. */
export interface RunEstimate {
  readonly schedule: readonly (OfSelfPlay & { readonly steps: number })[];
  readonly phases: Readonly<Partial<Record<SelfPlayPhase, PhaseEstimate>>>;
  readonly totalMs: number;
  readonly replayBytes: number;
  /** Of the models after each round. */
  readonly modelBytes: number;
  /** Of the checkpoints, while one is written beside those that are kept. */
  readonly checkpointBytes: number;
  /** Phases of which nothing is known. */
  readonly unknown: readonly SelfPlayPhase[];
}

/** Checkpoints beside the latest ones: the best round's, and the one that is written. */
const BEST_AND_NEW = 2;
/** A policy with its optimiser's two moments, in sizes of its model. */
const WITH_MOMENTS = 3;

/** Puts a probe's measurements together for a whole run; `modelBytes` is the size of one saved model. */
export function estimate(config: RunConfig, pool: number, found: Probe, modelBytes: number): RunEstimate {
  // A trial is not probed: it may be the very thing that ends a run, and takes as long as a few answers.
  const planned = plannedPhases({ ...config, trial: { ...config.trial, images: 0 } }) as OfSelfPlay[];
  const sizes = sizesOf(config, pool, found.admittedShare);
  const kinds = selfPlayPhases.filter((kind) => planned.some(({ phase }) => phase === kind));
  const phases = Object.fromEntries(
    kinds.map((kind) => {
      const unit = found.pace ? unitMs(config, found.pace)[kind] : null;
      return [kind, phaseEstimate(sizes[kind], found.phases[kind], unit)];
    }),
  );
  const times = planned.map(({ phase }) => phases[phase] as PhaseEstimate);
  return {
    schedule: planned.map((each) => ({ ...each, steps: (phases[each.phase] as PhaseEstimate).steps })),
    phases,
    totalMs: times.reduce((sum, { totalMs }) => sum + (totalMs ?? 0), 0),
    replayBytes: times.reduce((sum, { replayBytes }) => sum + (replayBytes ?? 0), 0),
    modelBytes: 2 * allRounds(config) * modelBytes,
    checkpointBytes: (config.checkpoint.keep + BEST_AND_NEW) * 2 * WITH_MOMENTS * modelBytes,
    unknown: kinds.filter((kind) => phases[kind]?.totalMs === null),
  };
}

/** A phase's work as configured: units altogether, and in a step. */
interface Workload {
  readonly units: number;
  readonly perStep: number;
}

function sizesOf(
  config: RunConfig,
  pool: number,
  admittedShare: number | null,
): Record<SelfPlayPhase, Workload> {
  const { questioner, curriculum, reasoner, evaluation, trial, warmUp } = config;
  const imagesPerStep = Math.min(questioner.imagesPerStep, pool);
  const images = Math.min(curriculum.images, pool);
  const items = images * curriculum.questionsPerImage * (admittedShare ?? 1);
  const perStep = Math.min(reasoner.itemsPerStep, Math.max(1, Math.floor(items)));
  const passes = Math.ceil(reasoner.maxPasses * Math.max(1, items / reasoner.itemsPerStep));
  return {
    questioner: { units: questioner.stepsPerRound * imagesPerStep, perStep: imagesPerStep },
    curriculum: { units: images, perStep: Math.min(curriculum.imagesPerChunk, images) },
    reasoner: { units: Math.min(reasoner.stepsPerRound, passes) * perStep, perStep },
    trial: { units: trial.images, perStep: trial.images },
    warmUp: { units: (warmUp.steps ?? 0) * warmUp.imagesPerStep, perStep: warmUp.imagesPerStep },
    evaluation: {
      units: evaluation.questions,
      perStep: Math.min(evaluation.questionsPerChunk, evaluation.questions),
    },
  };
}

/**
 * Time and bytes grow with the units; what the first step took beyond the others is spent once. Without a measured step
 * it is `unitMs` for each.
 */
function phaseEstimate(
  { units, perStep }: Workload,
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
  return {
    steps,
    unitsPerStep: perStep,
    stepMs: found.stepMs * scale,
    totalMs: fullSteps * found.stepMs * scale + Math.max(0, found.firstMs - found.stepMs),
    replayBytes: fullSteps * found.replayBytes * scale,
    scale,
    guessed: false,
  };
}
