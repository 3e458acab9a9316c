import { toolUse } from "../rewards/tool_use.ts";
import { vistaParts } from "../rewards/vista.ts";
import type { TrajectoryJudge } from "../training/judgement.ts";
import type { RewardPreset } from "./reward_presets.ts";

/** What trajectories earn as a whole: `toolUse` where there are tools, and what a preset adds. */
export function trajectoryJudge(preset: RewardPreset, hasTools: boolean): TrajectoryJudge {
  return ({ turns, uses, success }) => ({
    ...(hasTools && { toolUse: toolUse(uses, success) }),
    ...(preset === "vista" && vistaParts(turns, success)),
  });
}
