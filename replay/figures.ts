import { groupBy } from "../common/group_by.ts";
import { type NewRow, storedVersions } from "./episode_rows.ts";
import type { EpisodeEvent, ReasonerRollout, TrajectoryRecord } from "./events.ts";
import { answersOf, completionOf, rolloutsOf } from "./rollouts.ts";

/** What an episode is found by: figures over its rollouts. Null where none of them has any. */
export function figuresOf(event: EpisodeEvent): NewRow {
  const rollouts = rolloutsOf(event);
  const completions = rollouts.map(completionOf);
  const rewards = rollouts.flatMap((rollout) => ("reward" in rollout ? (rollout.reward ?? []) : []));
  const advantages = rollouts.flatMap((rollout) =>
    "advantage" in rollout ? Math.abs(rollout.advantage) : [],
  );
  return {
    rollouts: rollouts.length,
    answers: rollouts.reduce((count, rollout) => count + answersOf(rollout).length, 0),
    reward: mean(rewards),
    advantage: advantages.length > 0 ? Math.max(...advantages) : null,
    confidence: event.type === "reasonerEpisode" ? event.confidence : meanConfidence(event),
    length: Math.max(0, ...completions.map(({ tokens }) => tokens.length)),
    truncated: completions.filter(({ finishReason }) => finishReason === "length").length,
  };
}

/** What named figures are of; see `NamedFigure`. */
export const figureKinds = ["part", "check", "version", "trajectory", "fault", "failure", "cause"] as const;

/**
 * Named figures: the mean of a reward's part, the share of rollouts that passed a check, the version of a policy that has
 * no column, how trajectories went, how many of them a fault of one kind spoiled, how many failed by one kind of beginning, and how many answers went wrong for one cause.
 */
export interface NamedFigure {
  readonly kind: (typeof figureKinds)[number];
  readonly name: string;
  readonly value: number;
}

/** The named figures of an episode. */
export function namedFiguresOf(event: EpisodeEvent): NamedFigure[] {
  const others = Object.entries(storedVersions(event.versions).others);
  const versions = others.map(([name, value]) => ({ kind: "version", name, value }) as const);
  if (event.type === "curriculumEpisode") return versions;
  const parts = valuesByName(event.rollouts.map(({ parts }) => parts));
  const checks = valuesByName(
    event.type === "reasonerEpisode" ? [] : event.rollouts.map(({ checks }) => checks),
  );
  return [
    ...[...parts].map(([name, values]) => ({ kind: "part", name, value: mean(values) ?? 0 }) as const),
    ...[...checks].map(([name, results]) => {
      const value = mean(results.map(({ passed }) => Number(passed))) ?? 0;
      return { kind: "check", name, value } as const;
    }),
    ...versions,
    ...(event.type === "reasonerEpisode" ? trajectoryFiguresOf(event.rollouts) : []),
    ...(event.type === "reasonerEpisode" ? causesOf(event.rollouts) : []),
  ];
}

/** Turns of a trajectory in the mean, shares of those that succeeded and of those that had no turn left, and faults. */
function trajectoryFiguresOf(rollouts: readonly ReasonerRollout[]): NamedFigure[] {
  const trajectories = rollouts.flatMap(({ trajectory }) => trajectory ?? []);
  if (trajectories.length === 0) return [];
  const meanOf = (of: (trajectory: TrajectoryRecord) => number) => mean(trajectories.map(of)) ?? 0;
  const kinds = trajectories.flatMap(({ fault }) => fault?.kind ?? []);
  const figures = {
    turns: meanOf(({ turns }) => turns.length),
    success: meanOf(({ success }) => Number(success ?? false)),
    unfinished: meanOf(({ end }) => Number(end === "turns")),
    faults: kinds.length,
  };
  const faults = groupBy(kinds, (kind) => kind);
  const failures = groupBy(
    trajectories.flatMap(({ failure }) => failure?.kind ?? []),
    (kind) => kind,
  );
  return [
    ...Object.entries(figures).map(([name, value]) => ({ kind: "trajectory", name, value }) as const),
    ...[...faults].map(([name, { length }]) => ({ kind: "fault", name, value: length }) as const),
    ...[...failures].map(([name, { length }]) => ({ kind: "failure", name, value: length }) as const),
  ];
}

/** How many answers went wrong for each cause. */
function causesOf(rollouts: readonly ReasonerRollout[]): NamedFigure[] {
  const causes = rollouts.flatMap(({ attribution }) => attribution?.cause ?? []);
  const byCause = groupBy(causes, (cause) => cause);
  return [...byCause].map(([name, { length }]) => ({ kind: "cause", name, value: length }) as const);
}

function meanConfidence(event: Exclude<EpisodeEvent, { type: "reasonerEpisode" }>): number | null {
  const questions = event.type === "curriculumEpisode" ? event.questions : event.rollouts;
  return mean(questions.flatMap(({ verdict }) => verdict?.confidence ?? []));
}

function valuesByName<T>(records: readonly Readonly<Record<string, T>>[]): Map<string, T[]> {
  const all = new Map<string, T[]>();
  for (const [name, value] of records.flatMap((record) => Object.entries(record))) {
    const values = all.get(name);
    if (values) values.push(value);
    else all.set(name, [value]);
  }
  return all;
}

function mean(values: readonly number[]): number | null {
  return values.length > 0 ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
}
