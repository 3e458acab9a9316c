import type * as z from "zod";
import type { ConfidenceBand } from "../../rewards/band.ts";
import { choice, count, flag, group, number, share } from "./setting.ts";

/** Which images are asked about for a curriculum, how their questions are judged, and which enter. */
export interface CurriculumConfig {
  readonly images: number;
  readonly imagesPerChunk: number;
  readonly questionsPerImage: number;
  readonly answersPerQuestion: number;
  readonly views: number;
  readonly temperature: number;
  readonly band: ConfidenceBand;
  readonly keepUnanswerable: boolean;
  readonly dropDuplicates: boolean;
  readonly evidence: EvidenceConfig;
  readonly gate: {
    readonly minParsedShare: number;
    readonly minVotes: number;
    readonly maxAbstentionShare: number;
    readonly blindAnswersPerQuestion: number;
    readonly maxBlindAgreement: number;
    readonly minEvidence: number;
  };
}

/** What answers from descriptions alone have to say of a label. */
const evidenceUses = ["none", "weighs", "required"] as const;

/** The second way to an answer: by what the Reasoner says to see, without the image. */
export interface EvidenceConfig {
  readonly use: (typeof evidenceUses)[number];
  readonly descriptionsPerView: number;
  readonly answersPerQuestion: number;
}

export const curriculum: z.ZodType<CurriculumConfig> = group(
  {
    images: count(1200, "images of the pool that are asked about per round"),
    imagesPerChunk: count(32, "images asked about at once"),
    questionsPerImage: count(3, "questions per image"),
    answersPerQuestion: count(8, "votes per question"),
    views: count(
      4,
      "views of an image that a question's votes are shared out among, by another exposure, colour balance and softness; 1 shows images as they are",
    ),
    temperature: number(0.6, "sampling temperature of the votes", 1e-3),
    band: group(
      {
        low: share(0.7, "least confidence that is admitted"),
        high: share(1, "greatest confidence that is admitted"),
      },
      "which confidences enter the curriculum",
    ),
    keepUnanswerable: flag(true, 'admit questions whose silver answer is "unanswerable"'),
    dropDuplicates: flag(true, "admit a question only once per image in the whole run"),
    evidence: group(
      {
        use: choice(
          evidenceUses,
          "required",
          "whether votes that come from a description of the image alone (prompts.describer, prompts.reader) count: not, as much as the others, or so that both majorities have to be the same",
        ),
        descriptionsPerView: count(
          2,
          "descriptions of each view of an image; the one that is most like all others is answered from",
        ),
        answersPerQuestion: count(1, "such votes per question; a single one is greedy"),
      },
      "a second way to a label: what the Reasoner says to see",
    ),
    gate: group(
      {
        minParsedShare: share(0.5, "parsed answers below which a question is rejected"),
        minVotes: count(2, "parsed answers below which it is rejected"),
        maxAbstentionShare: share(
          0.25,
          "abstentions among them above which it is rejected, unless abstaining is what most do",
        ),
        blindAnswersPerQuestion: count(
          0,
          "answers per question with the image blanked; 0 skips that check",
          0,
        ),
        maxBlindAgreement: share(0.5, "blind answers that agree on the majority above which it is rejected"),
        minEvidence: share(
          0,
          "majority's share of the votes less its share of the blind answers below which it is rejected, for it does not need the image; 0 skips",
        ),
      },
      "what a question must pass before its confidence counts",
    ),
  },
  "the curriculum: what the Reasoner learns from",
);
