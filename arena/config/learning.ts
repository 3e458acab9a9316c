import * as z from "zod";
import { losses, type OptimizerOptions, usualClip } from "../../policy/options.ts";
import type { SamplingOptions } from "../../policy/port.ts";
import type { Role } from "../../replay/self_play.ts";
import { advantageScalings } from "../../rewards/advantages.ts";
import type { GrpoOptions } from "../../training/grpo.ts";
import {
  choice,
  count,
  flag,
  group,
  number,
  optionalCount,
  optionalNumber,
  type Settings,
  share,
  type Unresolved,
} from "./setting.ts";

/** How a policy samples. */
export type SamplingConfig = Pick<SamplingOptions, "temperature" | "topK" | "topP" | "maxTokens">;

/** What a configuration says of sampling. */
export function samplingOf({ temperature, topK, topP, maxTokens }: SamplingConfig): SamplingConfig {
  return { temperature, topK, topP, maxTokens };
}

/** How a policy learns from its groups. */
export interface GrpoConfig extends Omit<GrpoOptions, keyof SamplingConfig> {
  readonly learningRateEnd: number;
}

/** How both policies step. */
export interface OptimizerConfig extends OptimizerOptions {
  readonly maxGradientNorm: number;
  readonly warmupSteps: number;
  readonly connectorLearningRateFactor: number;
  readonly visionLearningRateFactor: number;
}

/** The size of a group, G. */
export const groupSize = (): z.ZodType<number> =>
  z
    .int()
    .min(2, "expected at least 2: an advantage compares a completion with the others of its group")
    .default(8)
    .describe("G, completions per prompt");

/** Longest completions of each policy (tokens). */
type CompletionLengths = Readonly<Record<Role, number>>;

/** Those where `maxTokens` is null and the model's folder says none: what a model that reasons needs. */
export const defaultMaxTokens: CompletionLengths = { questioner: 192, reasoner: 512 };

/** Settings of `SamplingConfig` for one role. */
export const samplingSettings = (role: Role): Settings<Unresolved<SamplingConfig, "maxTokens">> => ({
  temperature: number(1, "sampling temperature in training", 1e-3),
  topK: count(0, "tokens kept when sampling; 0 keeps all", 0),
  topP: number(1, "probability mass kept when sampling; 1 keeps all", 1e-6, 1),
  maxTokens: optionalCount(
    `longest completion (tokens); null: as the visplay.json of the model's folder says, else ${defaultMaxTokens[role]}`,
  ),
});

/** Settings of `GrpoConfig`, by what differs from policy to policy. */
export const grpoSettings = ({
  learningRate,
  learningRateEnd,
  beta,
  positiveWeight,
}: Pick<
  GrpoConfig,
  "learningRate" | "learningRateEnd" | "beta" | "positiveWeight"
>): Settings<GrpoConfig> => ({
  learningRate: number(learningRate, "AdamW step size of the text model (1/step)"),
  learningRateEnd: share(
    learningRateEnd,
    "learning rate that a round ends with, as a share of what it starts with; 1 keeps it",
  ),
  beta: number(beta, "weight of the k3 KL to the run's base; 0 needs no reference"),
  loss: choice(
    losses,
    "dapo",
    "what the loss does with a token's probability ratio, and how it averages over tokens and completions",
  ),
  clipLow: optionalNumber(
    `lower clip of the probability ratio, 1 - clipLow; null: ${usualClip.dapo.clipLow}, of gspo ${usualClip.gspo.clipLow}; cispo has none`,
    0,
    1,
  ),
  clipHigh: optionalNumber(
    `upper clip of the probability ratio, 1 + clipHigh; null: ${usualClip.dapo.clipHigh}, of cispo ${usualClip.cispo.clipHigh}, of gspo ${usualClip.gspo.clipHigh}`,
  ),
  importanceCap: optionalNumber(
    "most that a token counts by its probability at the update over that at sampling, where the two were not computed alike (truncated importance sampling); null: the loss's own ratio is between these two",
    1e-3,
  ),
  advantageScale: choice(advantageScalings, "group", "standard deviation that divides an advantage"),
  maskTruncated: flag(true, "leave completions cut off at maxTokens out of the loss"),
  positiveWeight: number(
    positiveWeight,
    "weight of the log-likelihood of the best completions, beside GRPO's loss; 0 is plain GRPO",
  ),
});

export const optimizer: z.ZodType<OptimizerConfig> = group(
  {
    weightDecay: number(0.01, "AdamW's decoupled weight decay"),
    beta1: number(0.9, "decay of the gradient's mean", 0, 0.9999999),
    beta2: number(0.99, "decay of the gradient's square", 0, 0.9999999),
    epsilon: number(1e-8, "added to the root of the second moment", 1e-20),
    maxGradientNorm: number(1, "global norm that the gradient is clipped to", 1e-12),
    warmupSteps: count(5, "steps of linear warm-up", 0),
    connectorLearningRateFactor: number(1, "learning rate of the connector, as a factor; 0 freezes it"),
    visionLearningRateFactor: number(1, "learning rate of the vision tower, as a factor; 0 freezes it"),
  },
  "AdamW, for both policies",
);
