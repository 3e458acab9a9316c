import type * as z from "zod";
import { type CheckerName, checkerNames } from "../../environments/checkers/claim_checker.ts";
import { choice, count, flag, group, groupOrMain, optionalText, share } from "./setting.ts";

/** How it is found out whether the eye or the mind was wrong. */
export interface AttributionConfig {
  readonly share: number;
  readonly samples: number;
  readonly evaluation: boolean;
  readonly checker: CheckerConfig;
}

type CheckerKind = "auto" | "truth" | CheckerName;
const checkerKinds: readonly CheckerKind[] = ["auto", "truth", ...checkerNames];

/** Who says whether what a description says is so. */
export interface CheckerConfig {
  readonly kind: CheckerKind;
  readonly detect: string | null;
  readonly threshold: number;
  readonly ocr: string | null;
  readonly policy: string | null;
  readonly views: number;
  readonly passes: number;
}

const checker: z.ZodType<CheckerConfig> = groupOrMain(
  "kind",
  {
    kind: choice(
      checkerKinds,
      "auto",
      "the truth where it is known, else in turn the detector, the text reader and the model that are named here, and without such a model the run's base (auto); or one of these alone, for all pictures: truth, detector, ocr, policy (that model), base, or views (agreement with descriptions of other views)",
    ),
    detect: optionalText(
      "a model that finds objects in pictures, in the form of transformers.js: its folder, or owner/name[@revision] on the hub",
    ),
    threshold: share(0.5, "how sure that has to be of an object"),
    ocr: optionalText("the language of text in pictures, by tesseract's code, such as eng"),
    policy: optionalText(
      "another model that is shown the picture and asked of each sentence whether it is so: as model.name",
    ),
    passes: share(
      0.5,
      "what each checker's mean over the sentences that it judged has to come to, for a description to count as right",
    ),
    views: count(3, "views of a picture, beside the one described, that are held against it by `views`"),
  },
  "who says whether a description is right, sentence by sentence; the kind alone names it",
);

export const attribution: z.ZodType<AttributionConfig> = group(
  {
    share: share(
      0.1,
      "questions of a Reasoner phase whose pictures it describes, too, to answer from the description alone; 0 asks none",
    ),
    samples: count(4, "answers from each description"),
    evaluation: flag(true, "every question of an evaluation is asked so, too"),
    checker,
  },
  "where wrong answers come from: from what was seen, from what was made of it, or from bringing both together",
);
