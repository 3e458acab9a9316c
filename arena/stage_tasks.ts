import type { TasksWidened } from "../replay/events.ts";
import type { EnvironmentStage, GrpoStage } from "./config/stages.ts";
import { itemsAt } from "./data_order.ts";
import { rowsOf } from "./labelled.ts";
import type { Step } from "./step.ts";
import { openTasksIn, widened } from "./widening.ts";

export type TaskStage = GrpoStage | EnvironmentStage;

/** How a stage learns, and of how many tasks. */
export interface Lessons {
  readonly config: TaskStage;
  readonly tasks: number;
}

/** What success in a step, by task and trajectory, opens. */
export function openedBy(
  { run, place }: Step,
  config: TaskStage,
  right: readonly (readonly boolean[])[],
): TasksWidened[] {
  if (config.kind === "grpo") return [];
  const opened = widened(config, run.progress.widening, right);
  return opened === null ? [] : [{ type: "tasksWidened", ...place, ...opened }];
}

/** How many of the tasks are open in a step. */
function openIn({ run, place }: Step, { config, tasks }: Lessons): number {
  if (config.kind === "grpo") return tasks;
  return openTasksIn(place.step, config, tasks, run.progress.widening);
}

/** The tasks of a step: one after the other, or, where not all are open yet, any of those that are. */
export function tasksOf(step: Step, lessons: Lessons): number[] {
  const { config, tasks } = lessons;
  const open = openIn(step, lessons);
  if (open === tasks) return rowsOf(step, config.itemsPerStep, tasks);
  const { round, step: index } = step.place;
  const seed = step.run.seed(`${config.kind}.openItems`, round, index);
  return itemsAt(seed, 0, Math.min(config.itemsPerStep, open), open);
}

/** Tasks in place of some that taught nothing, drawn anew for each call. */
export function otherTasks(step: Step, lessons: Lessons, count: number, call: number): number[] {
  const { round, step: index } = step.place;
  const seed = step.run.seed(`${lessons.config.kind}.otherItems`, round, index, call);
  return itemsAt(seed, 0, count, openIn(step, lessons));
}
