import type * as z from "zod";
import { count, flag, group, share } from "./setting.ts";

/** How it is found out whether the eye or the mind was wrong. */
export interface AttributionConfig {
  readonly share: number;
  readonly samples: number;
  readonly evaluation: boolean;
}

export const attribution: z.ZodType<AttributionConfig> = group(
  {
    share: share(
      0.1,
      "questions of a Reasoner phase whose pictures it describes, too, to answer from the description alone; 0 asks none",
    ),
    samples: count(4, "answers from each description"),
    evaluation: flag(true, "every question of an evaluation is asked so, too"),
  },
  "where wrong answers come from: from what was seen, from what was made of it, or from bringing both together",
);
