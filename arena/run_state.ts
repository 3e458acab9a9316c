import { VisplayError } from "../common/errors.ts";
import { type Leg, stageKinds, stages } from "../replay/stages.ts";
import type { AlarmsState } from "./alarms.ts";
import type { RunConfig } from "./config/config.ts";
import { type Stage, stagesOf } from "./config/stages.ts";
import { itemCount } from "./curriculum.ts";
import type { Progress } from "./progress.ts";

/** The step that a run makes next. Round 0 is the base. */
export interface Position {
  /** The stage's index. */
  readonly stage: number;
  readonly round: number;
  readonly leg: Leg;
  readonly step: number;
}

/** The form of `RunState`; a run is gone on with by a release that knows its form. */
export const STATE_VERSION = 3;

/**
 * All that the rest of a run depends on, beside its configuration, its data, the stage's policies, the model that they
 * began as, and what it has recorded. There are no random states: every draw is a function of the seed and the position.
 * Its size does not depend on how long the run has been.
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

/** Where a stage begins: after the last round of the one before. */
export function beginningOf({ index, before, config: { kind } }: Stage): Position {
  return { stage: index, round: before, leg: stages[kind].legs[0], step: 0 };
}

/**
 * The stage in which a run stands, the first where it has not begun. Throws "config" where a configuration has another in
 * its place.
 */
export function stageAt(config: RunConfig, next: Position | null): Stage {
  const all = stagesOf(config);
  const stage = all[next?.stage ?? 0];
  const legs: readonly Leg[] = stage ? stages[stage.config.kind].legs : [];
  if (stage && (next === null || (legs.includes(next.leg) && next.round >= stage.before))) return stage;
  const found = all.map(({ name }) => name).join(", ");
  const place = next ? `stage ${next.stage + 1}, ${formatPosition(next)}` : "the first";
  throw new VisplayError(
    "config",
    `stages: found ${found}; expected those of the run, which stands in ${place}`,
  );
}

const firstLegs: readonly Leg[] = stageKinds.map((kind) => stages[kind].legs[0]);

/** Whether a position is the first of its round: the round before it is over. */
export function startsRound({ leg, step }: Position): boolean {
  return firstLegs.includes(leg) && step === 0;
}

/** "round 1, reasoner, step 12". */
export function formatPosition({ round, leg, step }: Position): string {
  return `round ${round}, ${leg}, step ${step}`;
}
