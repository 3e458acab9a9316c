import type * as z from "zod";
import { type DomainName, domainNames } from "../../images/scenes/scene.ts";
import { choice, count, flag, group, optionalCount, seed, type Unresolved } from "./setting.ts";

/** What the Reasoner is measured with. */
export interface EvaluationConfig {
  readonly everyRound: boolean;
  readonly domain: DomainName;
  readonly questions: number;
  readonly scenes: number;
  readonly questionsPerChunk: number;
  readonly samples: number;
  readonly seed: number;
}

/** Questions of an evaluation where nobody says how many. */
export const SCENE_QUESTIONS = 700;

export const evaluation: z.ZodType<Unresolved<EvaluationConfig, "questions">> = group(
  {
    everyRound: flag(true, "evaluate after each round; false evaluates only the base and the last"),
    domain: choice(domainNames, "target", "domain of the held-out scenes"),
    questions: optionalCount(
      `questions, balanced over families and answers; 0 skips evaluation; null is ${SCENE_QUESTIONS}, or 0 where images.folder is set, for the questions are about coloured scenes`,
      0,
    ),
    scenes: count(240, "held-out scenes that they are about"),
    questionsPerChunk: count(105, "questions put to the Reasoner at once"),
    samples: count(8, "answers per question for mean@k, maj@k and pass@k"),
    seed: seed(20_251, "seed of the held-out scenes and their questions"),
  },
  "evaluation on held-out labelled scenes",
);
