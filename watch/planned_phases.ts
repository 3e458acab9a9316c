import type { RunConfig } from "../arena/config/config.ts";
import { type Phase, phases } from "../replay/self_play.ts";

/** A phase of a round, by the name that the run gave it; round 0 is the base. */
export interface PhaseOfRound {
  readonly round: number;
  readonly phase: string;
}

/** One that self-play is to have. */
export interface PlannedPhase extends PhaseOfRound {
  readonly phase: Phase;
}

/** A number that grows from phase to phase of self-play; null for any other phase. */
export function orderOf({ round, phase }: PhaseOfRound): number | null {
  const place = (phases as readonly string[]).indexOf(phase);
  return place < 0 ? null : round * phases.length + place;
}

/** The phases that a run is to have; it may pass over some, such as a Reasoner phase without a curriculum. */
export function plannedPhases({ rounds, questioner, evaluation, trial, warmUp }: RunConfig): PlannedPhase[] {
  const happens = ({ round, phase }: PlannedPhase) => {
    if (phase === "trial") return round === 0 && trial.images > 0;
    if (phase === "warmUp") return round === 0 && (warmUp.steps ?? 0) > 0;
    if (phase !== "evaluation") return round > 0 && (phase !== "questioner" || questioner.train);
    return evaluation.questions > 0 && (round === 0 || round === rounds || evaluation.everyRound);
  };
  return Array.from({ length: rounds + 1 }, (_, round) => phases.map((phase) => ({ round, phase })))
    .flat()
    .filter(happens);
}
