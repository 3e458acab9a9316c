import { extname } from "node:path";
import * as z from "zod";
import { moduleKinds } from "../../common/user_module.ts";
import {
  presetWeights,
  type RewardPreset,
  rewardPresets,
  type WeightedPart,
  weightedParts,
} from "../../environments/reward_presets.ts";
import type { RewardConfig } from "../../environments/task_reward.ts";
import { judgingSettings } from "./evaluation.ts";
import { choice, group, number, optionalText, type Settings, share } from "./setting.ts";

const about: Readonly<Record<WeightedPart, string>> = {
  correctness: "how right the answer is (verifier)",
  reasoning: "a chain before the answer that is no repetition and names what it is about",
  format: "a well-formed answer",
  length: "the penalty for length, 0 to -1",
  certainty:
    "how well what an answer says to be sure of fits how right it is: 1 - (stated - correctness)^2, of its words or a number (certainty.hedges); a part only with a weight",
  description:
    "a chain before the answer from which alone, without the image, a right one follows (stages of kind grpo)",
  understanding: "how right what is said of the picture before anything is done is, where that can be judged",
  toolUse: "how well tools are used",
};

const weight = (part: WeightedPart): z.ZodType<number> =>
  number(presetWeights.task[part], `weight of ${about[part]}`);

const settings: Settings<RewardConfig> = {
  preset: choice(
    rewardPresets,
    "task",
    "task (the answer), vista (as VISTA-R1: repetition, format and correctness) or agent (what is said of the picture, tools and the answer); decides the weights that are not given",
  ),
  module: optionalText(
    "a module of your own that exports a function from an episode to parts, such as ./my_reward.ts; its parts, of which `episode.parts` may be some, are the reward",
  ),
  ...judgingSettings,
  weights: group(
    Object.fromEntries(weightedParts.map((part) => [part, weight(part)])) as Record<
      WeightedPart,
      z.ZodType<number>
    >,
    "weights of the parts",
  ),
  moduleWeights: z
    .record(z.string(), z.number())
    .default({})
    .describe("weights of other parts, such as a module's, by name; 1 where none is given"),
  overlongShare: share(
    0.2,
    "the last part of maxTokens, in which the penalty for length grows from 0 to -1; 0: only for what is cut off",
  ),
};

/** A name alone is a preset's, or a module's path; a preset decides the weights that are not given. */
function spellOut(value: unknown): unknown {
  if (value === undefined) return {};
  if (typeof value === "string") return spellOut({ module: value });
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const { module, ...others } = value as Readonly<Record<string, unknown>>;
  if (isPreset(module)) return spellOut({ preset: module, ...others });
  const { preset, weights = {} } = others;
  if (!isPreset(preset) || typeof weights !== "object") return value;
  return { ...value, weights: { ...presetWeights[preset], ...weights } };
}

function isPreset(name: unknown): name is RewardPreset {
  return rewardPresets.some((preset) => preset === name);
}

/** Also written as a preset's name, or a module's path, alone. */
export const reward: z.ZodType<RewardConfig> = z
  .preprocess(spellOut, z.strictObject(settings).prefault({} as never))
  .meta({
    description: "what an answer to a task, or a trajectory, is rewarded by; its parts are recorded by name",
    main: "module",
  })
  .refine(({ module }) => module === null || moduleKinds.includes(extname(module)), {
    path: ["module"],
    message: `expected a module of your own, such as ./my_reward.ts, or the name of a preset: ${rewardPresets.join(", ")}`,
  })
  .refine(({ module, weights }) => module !== null || Object.values(weights).some((weight) => weight > 0), {
    path: ["weights"],
    message: "expected a weight above 0, for all rewards would be equal; raise correctness",
  }) as never;
