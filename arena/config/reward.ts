import * as z from "zod";
import type { RewardConfig } from "../../environments/task_reward.ts";
import { judgingSettings } from "./evaluation.ts";
import { group, groupOrMain, number, optionalText, type Settings, share } from "./setting.ts";

const settings: Settings<RewardConfig> = {
  module: optionalText(
    "a module of your own that exports a function from an episode to parts, such as ./my_reward.ts; its parts, of which `episode.parts` may be some, are the reward",
  ),
  ...judgingSettings,
  weights: group(
    {
      correctness: number(0.9, "weight of how right the answer is (verifier)"),
      reasoning: number(
        0,
        "weight of a chain before the answer that is no repetition and names what it is about",
      ),
      format: number(0.1, "weight of a well-formed answer"),
      length: number(0, "weight of the penalty for length, 0 to -1"),
    },
    "weights of the parts",
  ),
  moduleWeights: z
    .record(z.string(), z.number())
    .default({})
    .describe("weights of the module's other parts, by name; 1 where none is given"),
  overlongShare: share(
    0.2,
    "the last part of maxTokens, in which the penalty for length grows from 0 to -1; 0: only for what is cut off",
  ),
};

/** Also written as the module's path alone. */
export const reward: z.ZodType<RewardConfig> = groupOrMain(
  "module",
  settings,
  "what an answer to a labelled task is rewarded by; its parts are recorded by name",
).refine(({ module, weights }) => module !== null || Object.values(weights).some((weight) => weight > 0), {
  path: ["weights"],
  message: "expected a weight above 0, for all rewards would be equal; raise correctness",
});
