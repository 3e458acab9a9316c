import type * as z from "zod";
import { count, group } from "./setting.ts";

/** What of each round's questions the run's base is asked, too. */
export interface CoEvolutionConfig {
  readonly questions: number;
  readonly answers: number;
}

export const coEvolution: z.ZodType<CoEvolutionConfig> = group(
  {
    questions: count(
      200,
      "questions of each curriculum, drawn at random, that the run's base answers, which does not learn; 0 skips",
      0,
    ),
    answers: count(8, "its answers per question"),
  },
  "how hard a round's questions are for the run's base: whether the Questioner's become harder, and the Reasoner better",
);
