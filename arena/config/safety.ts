import * as z from "zod";
import type { ShieldOptions } from "../../environments/shield.ts";
import { choice, count, flag, group, optionalNumber, share } from "./setting.ts";

/** What becomes of pictures unlike those of training. */
export const novelties = ["off", "count", "fallback"] as const;
export type Novelty = (typeof novelties)[number];

/** How often an update is held against the safety of the one before, and by how many tasks. */
export interface GateConfig {
  /** Updates from one look to the next; 0: never. */
  readonly every: number;
  readonly tasks: number;
}

/** What stands between a policy and an environment with constraints. */
export interface SafetyConfig {
  readonly shield: boolean;
  readonly soft: readonly string[];
  readonly agreement: number;
  readonly looks: number;
  readonly novelty: Novelty;
  readonly calibration: number;
  readonly usual: number;
  readonly deadline: number | null;
  readonly gate: GateConfig;
}

export const safety: z.ZodType<SafetyConfig> = group(
  {
    shield: flag(
      false,
      "take the environment's fallback in place of an action that would violate a hard constraint",
    ),
    soft: z
      .array(z.string().min(1))
      .readonly()
      .default([])
      .describe(
        "constraints, by name, whose penalties are taken from the reward in place of standing alone, whatever the environment says",
      ),
    agreement: share(
      0,
      "the least that samples about a picture have to agree in what they say of it, else the fallback is taken; 0: never",
    ),
    looks: count(4, "samples that are compared for that, where a turn has but one", 2),
    novelty: choice(
      novelties,
      "off",
      "pictures unlike those of training, by what the vision tower makes of them: not looked for, counted, or the fallback is taken",
    ),
    calibration: count(
      64,
      "pictures of training that others are compared with, and as many others that say what is usual",
      8,
    ),
    usual: share(0.99, "the share of those others that counts as usual"),
    deadline: optionalNumber(
      "what one decision may take (milliseconds), else the fallback is taken; with it a part `speed` says what was left, as a share; null: as long as it takes",
      1,
    ),
    gate: group(
      {
        every: count(
          0,
          "updates after which the suite is acted in greedily: where violations have risen above those of the best beyond their 95% interval, the policy goes back to the last safe one; the best is what the stage makes; 0: never",
          0,
        ),
        tasks: count(64, "tasks of the suite that are acted in"),
      },
      "whether updates keep constraints",
    ),
  },
  "environments with constraints: what keeps a policy from violating them",
);

/** What a shield has to know of it; null where there is nothing to shield from. */
export function shieldOf({ shield, agreement, novelty, deadline }: SafetyConfig): ShieldOptions | null {
  if (!shield && agreement === 0 && novelty !== "fallback" && deadline === null) return null;
  return { dangerous: shield, agreement, unlike: novelty === "fallback", deadlineMs: deadline };
}
