import * as z from "zod";
import { type Hedges, usualHedges } from "../../rewards/certainty.ts";
import { group } from "./setting.ts";

/** How it is read how sure answers say that they are. */
export interface CertaintyConfig {
  readonly hedges: Hedges;
}

export const certainty: z.ZodType<CertaintyConfig> = group(
  {
    hedges: z
      .record(z.string().trim().min(1), z.number().min(0).max(1))
      .default(usualHedges)
      .describe(
        "words that hedge, and the chance of being right that is meant by them (0 to 1); the least in an answer counts, a number that it states (confidence: 80%) before them; without any it is claimed for certain; a list of your own takes the place of these",
      ),
  },
  "how sure answers say that they are, for reward.certainty and the calibration in evaluations",
);
