import type { RunConfig } from "../arena/config/config.ts";
import { lastRoundOf, type Stage, stagesOf } from "../arena/config/stages.ts";
import { isPhase, type Phase, phases, stages } from "../replay/stages.ts";

/** A phase of a round, by the name that the run gave it; round 0 is the base. */
export interface PhaseOfRound {
  readonly round: number;
  readonly phase: string;
}

/** One that a run is to have. */
export interface PlannedPhase extends PhaseOfRound {
  readonly phase: Phase;
}

/** A number that grows from phase to phase of a stage; null for any other phase. */
export function orderOf({ round, phase }: PhaseOfRound): number | null {
  const place = (phases as readonly string[]).indexOf(phase);
  return place < 0 ? null : round * phases.length + place;
}

/** The phases that a run is to have; it may pass over some, such as a Reasoner phase without a curriculum. */
export function plannedPhases(config: RunConfig): PlannedPhase[] {
  return stagesOf(config).flatMap((stage) => phasesOf(stage, config));
}

/** Those of one of its stages. */
export function phasesOf(stage: Stage, config: RunConfig): PlannedPhase[] {
  const own = stages[stage.config.kind].legs.filter(isPhase);
  return Array.from({ length: stage.rounds + 1 }, (_, i) => stage.before + i)
    .flatMap((round) => own.map((phase) => ({ round, phase })))
    .filter((planned) => happens(planned, stage, config));
}

/** Before a stage's own rounds there is what prepares it, and before the first the evaluation of the base. */
function happens({ round, phase }: PlannedPhase, stage: Stage, config: RunConfig): boolean {
  const { questioner, evaluation, trial, warmUp } = config;
  const isBefore = round === stage.before;
  if (phase === "trial") return isBefore && trial.images > 0;
  if (phase === "warmUp") return isBefore && (warmUp.steps ?? 0) > 0;
  if (phase !== "evaluation") return !isBefore && (phase !== "questioner" || questioner.train);
  const isDue = isBefore ? stage.index === 0 : evaluation.everyRound || round === lastRoundOf(stage);
  return evaluation.questions > 0 && isDue;
}
