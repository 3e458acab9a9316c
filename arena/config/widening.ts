import type * as z from "zod";
import { group, number, share } from "./setting.ts";

/** How a stage goes from the first of its tasks, the easiest, to all of them. */
export interface WideningConfig {
  /** The share of tasks that it begins with. */
  readonly start: number;
  readonly by: number;
  /** Percent. */
  readonly success: number;
}

export const widening: z.ZodType<WideningConfig> = group(
  {
    start: share(
      1,
      "the share of its tasks, from the first on, that the stage begins with; below 1 they are to stand from easy to hard, as those of robot do where its spread rises",
    ),
    by: share(0.1, "how much that share grows"),
    success: number(70, "the success from which on it grows after a step (percent)", 0, 100),
  },
  "whether tasks become harder as success allows",
);
