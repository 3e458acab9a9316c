import type * as z from "zod";
import { type ReasonerWeights, type Verification, verifications } from "../../rewards/reasoner.ts";
import {
  type GrpoConfig,
  groupSize,
  grpoSettings,
  type SamplingConfig,
  samplingSettings,
} from "./learning.ts";
import { choice, count, group, number, share, type Unresolved } from "./setting.ts";

/** What answers of the Reasoner are rewarded for, and which of their tokens get the credit. */
export interface ReasonerRewardConfig extends ReasonerWeights {
  readonly verification: Verification;
  readonly attribution: TokenCredit;
}

/** Who is credited: all tokens alike, or the chain for what follows from it and the answer for the rest. */
export const tokenCredits = ["whole", "by_part"] as const;
export type TokenCredit = (typeof tokenCredits)[number];

/** How the Reasoner imitates what its votes have in common. */
export interface ImitationConfig {
  readonly itemsPerStep: number;
  readonly descriptionsPerStep: number;
  readonly learningRate: number;
}

/** How the Reasoner answers what it is taught with, and how it is rewarded. */
export interface ReasonerConfig extends SamplingConfig, GrpoConfig {
  readonly stepsPerRound: number;
  readonly itemsPerStep: number;
  readonly itemsPerChunk: number;
  readonly maxPasses: number;
  readonly views: number;
  readonly groupSize: number;
  readonly learningRateDecayPerRound: number;
  readonly imitation: ImitationConfig;
  readonly reward: ReasonerRewardConfig;
  readonly labels: "silver" | "true";
}

/** Steps of a Reasoner phase on so many items: as configured, but no more than `maxPasses` over them. */
export function reasonerSteps(
  {
    stepsPerRound,
    itemsPerStep,
    maxPasses,
    imitation,
  }: Pick<ReasonerConfig, "stepsPerRound" | "itemsPerStep" | "maxPasses" | "imitation">,
  items: number,
): number {
  const stepsPerPass = Math.max(1, items / Math.max(itemsPerStep, imitation.itemsPerStep));
  return Math.min(stepsPerRound, Math.ceil(maxPasses * stepsPerPass));
}

export const reasoner: z.ZodType<Unresolved<ReasonerConfig, "maxTokens">> = group(
  {
    stepsPerRound: count(220, "optimiser steps per round"),
    itemsPerStep: count(8, "curriculum items per step that are answered and rewarded"),
    itemsPerChunk: count(8, "items sampled at once while the previous chunk is scored"),
    maxPasses: number(8, "passes over one curriculum at most; a small one takes fewer steps", 1e-3),
    views: count(
      64,
      "views of an image that items about it are shown in, by other light, noise and sharpness; 1 shows images as they are",
    ),
    groupSize: groupSize(),
    ...samplingSettings("reasoner"),
    ...grpoSettings({ learningRate: 3e-5, learningRateEnd: 0, beta: 0.02, positiveWeight: 0 }),
    learningRateDecayPerRound: share(0.8, "factor on the learning rate after each round"),
    imitation: group(
      {
        itemsPerStep: count(
          24,
          "items of which, in each step, a whole answer is imitated that agrees with the label: one from the description (curriculum.evidence), else the one of the votes that is most like the others; 0 imitates none",
          0,
        ),
        descriptionsPerStep: count(
          8,
          "items, drawn for themselves, of which the description is imitated that is most like the others; 0 imitates none",
          0,
        ),
        learningRate: number(
          5e-4,
          "AdamW step size of the text model (1/step), which falls as the other does",
        ),
      },
      "after each update by rewards one by imitation: every word of a chain is taught, and nothing has to be sampled (LMSI)",
    ),
    reward: group(
      {
        agreement: number(0.9, "weight of agreement with the silver answer"),
        format: number(0.1, "weight of a well-formed answer"),
        brevity: number(0, "weight of brevity relative to the group"),
        description: number(
          0,
          "weight of a chain before the answer from which alone, without the image, the silver answer follows",
        ),
        certainty: number(
          0,
          "weight of how well what an answer says to be sure of fits whether it agrees: 1 - (stated - agreement)^2, of its words or a number (certainty.hedges)",
        ),
        verification: choice(
          verifications,
          "none",
          "what an agreeing answer whose chain does not lead to it alone earns of agreement: all, half (staged) or nothing (gate)",
        ),
        attribution: choice(
          tokenCredits,
          "whole",
          "who is credited: all tokens for the whole reward, or (by_part) the chain for whether the silver answer follows from it alone, and the answer for the reward",
        ),
      },
      "weights of the parts of the Reasoner's reward",
    ),
    labels: choice(
      ["silver", "true"],
      "silver",
      "majority votes, or the truth (a ceiling for comparison; scenes only)",
    ),
  },
  "the Reasoner phase",
);
