import type * as z from "zod";
import { type Judging, verifierNames } from "../../environments/verify.ts";
import { type DomainName, domainNames } from "../../images/scenes/scene.ts";
import {
  choice,
  count,
  flag,
  group,
  number,
  optionalCount,
  optionalText,
  type Settings,
  seed,
  type Unresolved,
} from "./setting.ts";

/** What the Reasoner is measured with. */
export interface EvaluationConfig extends Judging {
  readonly everyRound: boolean;
  readonly data: string | null;
  readonly columns: string | null;
  readonly groupBy: string | null;
  readonly domain: DomainName;
  readonly questions: number;
  readonly scenes: number;
  readonly questionsPerChunk: number;
  readonly samples: number;
  readonly seed: number;
  readonly dependence: DependenceConfig;
  readonly hallucination: HallucinationConfig;
  readonly encoder: EncoderConfig;
}

/** How it is measured whether the answers depend on the pictures. */
export interface DependenceConfig {
  readonly questions: number;
  readonly patches: number;
  readonly region: string | null;
}

const dependence: z.ZodType<DependenceConfig> = group(
  {
    questions: count(
      140,
      "questions, spread evenly over those of the evaluation, that are asked again, once each: about another picture, about shuffled patches, and about pictures whose evidence, or something else, was edited; 0 skips",
      0,
    ),
    patches: count(16, "rows and columns of patches that a picture is cut into before they are shuffled", 2),
    region: optionalText(
      "a column of evaluation.data with the box that decides the answer, [x1, y1, x2, y2] in pixels or in shares of the picture, which is covered for an edit; null: of data, only questions about left and right are edited",
    ),
  },
  "whether the answers depend on the pictures",
);

/** Settings of what holds answers against the true ones. */
export const judgingSettings: Settings<Judging> = {
  verifier: choice(
    verifierNames,
    "equivalent",
    "how an answer is held against the true ones: equivalent (as votes are), relaxed (5% of a number, ChartQA), anls (DocVQA), choice (options), iou (a box, at least 0.5), boxes (matched by IoU, VLM-R1), set (items in any order), number (see tolerance), json (fields) or order (the share of items in their places)",
  ),
  tolerance: number(0, "by how much `number` may be off, as a share of the true one; 0 wants the same"),
};

/** Questions of an evaluation where nobody says how many: about scenes, and of data at most. */
export const SCENE_QUESTIONS = 700;
export const DATA_QUESTIONS = 1000;

/** How it is measured whether a policy makes things up. */
export interface HallucinationConfig {
  readonly pictures: number | null;
  readonly perPicture: number;
  readonly things: string | null;
  readonly prompt: string | null;
}

/** Pictures that are looked at for that where nobody says how many. */
export const USUAL_PICTURES = 60;

/** How many that are, at most. */
export function picturesLookedAt({
  data,
  hallucination: { pictures, things },
}: Pick<EvaluationConfig, "data" | "hallucination">): number {
  return data !== null && things === null ? 0 : (pictures ?? USUAL_PICTURES);
}

const hallucination: z.ZodType<HallucinationConfig> = group(
  {
    pictures: optionalCount(
      `pictures about which it is asked what is there, and which are described; 0 skips; null is ${USUAL_PICTURES}, of data where it is known what they show (things)`,
      0,
    ),
    perPicture: count(
      2,
      "things of each that are asked about, and as many that are not there in each of three ways",
    ),
    things: optionalText(
      "a column of evaluation.data that lists what is there: a list, or a text with commas; null: nothing says",
    ),
    prompt: optionalText(
      "what it is told to describe a picture; null: prompts.describer, or that of the model's folder, where these need no question, else to name every thing that it sees",
    ),
  },
  "whether it makes things up",
);

/** How it is measured whether the image encoder still sees. */
export interface EncoderConfig {
  readonly pictures: number;
}

const encoder: z.ZodType<EncoderConfig> = group(
  {
    pictures: count(
      200,
      "pictures by which the image encoder is held against the base's: in how many cells of scenes a read-out of the base sees what is there, or whether pictures of data find themselves among the others; 0 skips, as does an encoder that does not learn",
      0,
    ),
  },
  "whether the image encoder still sees",
);

export const evaluation: z.ZodType<Unresolved<EvaluationConfig, "questions">> = group(
  {
    everyRound: flag(true, "evaluate after each round; false evaluates only the base and the last"),
    data: optionalText(
      "labelled data to evaluate on, in any form that images.data takes; null: scenes, drawn for that",
    ),
    columns: optionalText("its columns, as question=NAME,answer=NAME,image=NAME; null: by their usual names"),
    groupBy: optionalText("a column of it by whose values figures are given, too"),
    ...judgingSettings,
    domain: choice(domainNames, "target", "domain of the held-out scenes"),
    questions: optionalCount(
      `questions; of scenes, balanced over families and answers, of data the first; 0 skips evaluation; null is ${SCENE_QUESTIONS} (of data ${DATA_QUESTIONS}), or 0 where images.data is set and no evaluation.data, for the questions are about coloured scenes`,
      0,
    ),
    scenes: count(240, "held-out scenes that they are about"),
    questionsPerChunk: count(105, "questions put to the Reasoner at once"),
    samples: count(8, "answers per question for mean@k, maj@k and pass@k"),
    seed: seed(20_251, "seed of the held-out scenes and their questions"),
    dependence,
    hallucination,
    encoder,
  },
  "evaluation on held-out labelled scenes, or on labelled data",
);
