import type { TasksWidened } from "../replay/events.ts";
import type { EnvironmentStage } from "./config/stages.ts";
import { mean } from "./statistics.ts";

/** Which of a stage's tasks are open: those up to a share of all, and the share before it last grew, in a step. */
export interface Widening {
  readonly share: number;
  readonly before: number;
  readonly step: number;
}

/**
 * How many of so many tasks a step draws from. They are drawn while the step before is played, so that only what was recorded
 * before that counts, also where the run was resumed in between.
 */
export function openTasksIn(
  step: number,
  config: EnvironmentStage,
  tasks: number,
  widening: Widening | null,
): number {
  if (!widens(config)) return tasks;
  const isKnown = widening !== null && widening.step < step - 1;
  const share = isKnown ? widening.share : (widening?.before ?? config.widening.start);
  return Math.max(1, Math.round(share * tasks));
}

/** What success in a step, by task and trajectory, opens; null for nothing. */
export function widened(
  config: EnvironmentStage,
  widening: Widening | null,
  right: readonly (readonly boolean[])[],
): Pick<TasksWidened, "success" | "from" | "share"> | null {
  const { start, by, success: enough } = config.widening;
  const from = widening?.share ?? start;
  if (!widens(config) || from >= 1 || right.length === 0) return null;
  const success = mean(right.flat().map(Number));
  return 100 * success < enough ? null : { success, from, share: Math.min(1, from + by) };
}

function widens({ widening: { start }, imitates }: EnvironmentStage): boolean {
  return start < 1 && !imitates;
}
