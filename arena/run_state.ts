import { type Leg, legs } from "../replay/self_play.ts";
import type { AlarmsState } from "./alarms.ts";
import { itemCount } from "./curriculum.ts";
import type { Progress } from "./progress.ts";

/** The step that a run makes next. Round 0 is the base. */
export interface Position {
  readonly round: number;
  readonly leg: Leg;
  readonly step: number;
}

/** The form of `RunState`; a run is gone on with by a release that knows its form. */
export const STATE_VERSION = 2;

/**
 * All that the rest of a run depends on, beside its configuration, its images, both policies and what it has recorded.
 * There are no random states: every draw is a function of the seed and the position. Its size does not depend on how
 * long the run has been.
 */
export interface RunState extends Omit<Progress, "versions"> {
  readonly version: typeof STATE_VERSION;
  readonly next: Position;
  /** The log's position when that step became the next one. */
  readonly replay: number;
  readonly alarms: AlarmsState;
  /** Time that the run, and its current phase, have taken so far; for records only. */
  readonly playedMs: number;
  readonly phaseMs: number;
}

/** How many items of its round's curriculum the replay must hold for a run to go on from a state. */
export function neededItems({ next: { leg, step }, curriculum }: RunState): number {
  const isBuilt = leg === "audit" || leg === "reasoner" || (leg === "curriculum" && step > 0);
  return isBuilt ? itemCount(curriculum) : 0;
}

/** Negative where `a` comes before `b`. */
export function comparePositions(a: Position, b: Position): number {
  return a.round - b.round || legs.indexOf(a.leg) - legs.indexOf(b.leg) || a.step - b.step;
}

/** Whether a position is the first of its round: the round before it is over. */
export function startsRound({ leg, step }: Position): boolean {
  return leg === legs[0] && step === 0;
}

/** Where a run stands once a leg is over. */
export function after(round: number, leg: Leg): Position {
  const next = legs[legs.indexOf(leg) + 1];
  return next ? { round, leg: next, step: 0 } : { round: round + 1, leg: legs[0], step: 0 };
}

/** "round 1, reasoner, step 12". */
export function formatPosition({ round, leg, step }: Position): string {
  return `round ${round}, ${leg}, step ${step}`;
}
