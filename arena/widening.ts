import type { TasksWidened } from "../replay/events.ts";
import type { EnvironmentStage } from "./config/stages.ts";
import { mean } from "./statistics.ts";
import type { Step } from "./step.ts";

/** Which of a stage's tasks are open: those up to a share of all, and the share before it last grew, in a step. */
export interface Widening {
  readonly share: number;
  readonly before: number;
  readonly step: number;
}

/**
 * How many of a stage's tasks a step draws from. They are drawn while the step before is played, so that only what was
 * recorded before that counts, also where the run was resumed in between.
 */
export function openOf({ run, place }: Step, config: EnvironmentStage, tasks: number): number {
  const { start } = config.widening;
  if (!widens(config)) return tasks;
  const { widening } = run.progress;
  const isKnown = widening !== null && widening.step < place.step - 1;
  const share = widening === null ? start : isKnown ? widening.share : widening.before;
  return Math.max(1, Math.round(share * tasks));
}

/** Whether success in a step, by task and trajectory, opens more tasks. */
export function widen(
  { run, place }: Step,
  config: EnvironmentStage,
  right: readonly (readonly boolean[])[],
): TasksWidened[] {
  const { start, by, success: enough } = config.widening;
  const from = run.progress.widening?.share ?? start;
  if (!widens(config) || from >= 1 || right.length === 0) return [];
  const success = mean(right.flat().map(Number));
  if (100 * success < enough) return [];
  return [{ type: "tasksWidened", ...place, success, from, share: Math.min(1, from + by) }];
}

function widens({ widening: { start }, imitates }: EnvironmentStage): boolean {
  return start < 1 && !imitates;
}
