import { trajectoryJudge } from "../environments/trajectory_reward.ts";
import type { TrajectoryFigures, TrajectoryRecord } from "../replay/events.ts";
import type { TrajectoryJudge } from "../training/judgement.ts";
import type { Trajectory } from "../training/rollout.ts";
import type { EnvironmentStage, GrpoStage } from "./config/stages.ts";
import { type DecidedTurn, safetyFigures } from "./safety.ts";
import { mean, shareOf, talliesOf } from "./statistics.ts";
import type { Step } from "./step.ts";
import { turnRecords } from "./tasks.ts";

/** What trajectories of a stage earn as a whole. */
export function judgeOf(config: GrpoStage | EnvironmentStage): TrajectoryJudge {
  return trajectoryJudge(config.reward.preset, config.kind === "environment" && config.tools.use.length > 0);
}

/**
 * A trajectory as the replay keeps it beside its completion; what was observed is kept with the step. `success` says whether
 * it is one to imitate.
 */
export function trajectoryRecord(
  step: Step,
  { completion, turns, end, fault, failure }: Trajectory,
  success: boolean | null,
): TrajectoryRecord {
  const observations = (completion.observations ?? []).map((observed) => {
    return { after: observed.after, turns: turnRecords(step, observed.turns) };
  });
  return {
    observations,
    turns: turns.map(({ text, parts, call, costs, veto, watched }) => ({
      ...{ text, parts, call, advantage: null },
      ...(Object.keys(costs).length > 0 && { costs }),
      ...(veto && { veto }),
      ...(watched && { watched }),
    })),
    end,
    success,
    fault,
    failure: success === false ? failure : null,
  };
}

/** How trajectories went. */
export function trajectoryFigures(
  trajectories: readonly (Pick<TrajectoryRecord, "end" | "fault" | "failure"> & {
    readonly turns: readonly DecidedTurn[];
  })[],
  isConstrained = false,
): TrajectoryFigures {
  const calls = trajectories.flatMap(({ turns }) => turns.flatMap(({ call }) => call ?? []));
  return {
    meanTurns: mean(trajectories.map(({ turns }) => turns.length)),
    unfinished: shareOf(trajectories, ({ end }) => end === "turns"),
    meanCalls: calls.length / Math.max(1, trajectories.length),
    failedCalls: calls.length === 0 ? null : shareOf(calls, ({ fault }) => fault !== null),
    faults: Object.fromEntries(talliesOf(trajectories.flatMap(({ fault }) => fault?.kind ?? []))),
    failures: Object.fromEntries(talliesOf(trajectories.flatMap(({ failure }) => failure?.kind ?? []))),
    ...(isConstrained && { safety: safetyFigures(trajectories.flatMap(({ turns }) => turns)) }),
  };
}
