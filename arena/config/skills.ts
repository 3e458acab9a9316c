import type * as z from "zod";
import type { WeightedPart } from "../../environments/reward_presets.ts";
import { count, group, number } from "./setting.ts";

/** What held-out tasks have to show before what is said of pictures, tools and answers are trained together. */
export interface SkillFloors {
  readonly tasks: number;
  /** Percent. */
  readonly understanding: number;
  readonly toolUse: number;
}

export const floors: z.ZodType<SkillFloors> = group(
  {
    tasks: count(
      100,
      "the last so many tasks, on which both are measured first, and which are not learnt from; half of them at most, unless rows leaves more",
    ),
    understanding: number(50, "the least that what is said of pictures must come to there (percent)", 0, 100),
    toolUse: number(50, "the least that the use of tools must come to there (percent)", 0, 100),
  },
  "what is to be reached before understanding and toolUse are trained together, where the reward gives both a weight; else the run ends",
);

/** A stage that acts, as far as its tasks are concerned. */
interface ActingStage {
  readonly rows: number | null;
  readonly imitates: boolean;
  readonly reward: { readonly weights: Readonly<Record<WeightedPart, number>> };
  readonly floors: SkillFloors;
}

/** Whether a stage trains what is said of pictures and the use of tools together. */
export function isJoint({ imitates, reward: { weights } }: ActingStage): boolean {
  return !imitates && weights.understanding > 0 && weights.toolUse > 0;
}

/** Of so many tasks, how many a stage learns from, the first ones, and how many are held out, the last ones. */
export function splitTasks(
  stage: ActingStage | Pick<ActingStage, "rows">,
  tasks: number,
): { readonly taught: number; readonly heldOut: number } {
  const wanted = "floors" in stage && isJoint(stage) ? stage.floors.tasks : 0;
  const spare = tasks - (stage.rows ?? tasks);
  const heldOut = Math.min(wanted, Math.max(spare, Math.floor(tasks / 2)));
  return { taught: Math.min(stage.rows ?? tasks, tasks - heldOut), heldOut };
}

/** How many tasks a stage has of what can be drawn without end: those that it names, or `usual`. */
export function drawnTasks(stage: ActingStage, usual: number): number {
  if (stage.rows === null) return usual;
  return stage.rows + (isJoint(stage) ? stage.floors.tasks : 0);
}
