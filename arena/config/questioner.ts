import type * as z from "zod";
import { type QuestionerRewardForm, questionerRewardForms } from "../../rewards/questioner.ts";
import {
  type GrpoConfig,
  groupSize,
  grpoSettings,
  type SamplingConfig,
  samplingSettings,
} from "./learning.ts";
import { choice, count, flag, group, number, share, type Unresolved } from "./setting.ts";

/** How the Questioner asks, and how it is rewarded and taught. */
export interface QuestionerConfig extends SamplingConfig, GrpoConfig {
  readonly train: boolean;
  readonly stepsPerRound: number;
  readonly imagesPerStep: number;
  readonly groupSize: number;
  readonly answersPerQuestion: number;
  readonly answerTemperature: number;
  readonly blindAnswersPerQuestion: number;
  readonly reward: {
    readonly form: QuestionerRewardForm;
    readonly diversityWeight: number;
    readonly evidenceWeight: number;
    readonly minParsedShare: number;
    readonly maxAbstentionShare: number;
    readonly maxBlindAgreement: number;
    readonly minSupport: number;
    readonly minConfidence: number;
    readonly followsFromDescription: boolean;
  };
}

export const questioner: z.ZodType<Unresolved<QuestionerConfig, "maxTokens">> = group(
  {
    train: flag(true, "false leaves the Questioner untrained (a control)"),
    stepsPerRound: count(12, "optimiser steps per round"),
    imagesPerStep: count(16, "images per step"),
    groupSize: groupSize(),
    answersPerQuestion: count(8, "m, answers of the Reasoner per question"),
    answerTemperature: number(1, "sampling temperature of those answers", 1e-3),
    blindAnswersPerQuestion: count(2, "answers per question with the image blanked; 0 skips that check", 0),
    ...samplingSettings("questioner"),
    ...grpoSettings({ learningRate: 2e-5, learningRateEnd: 1, beta: 0.1, positiveWeight: 0 }),
    reward: group(
      {
        form: choice(
          questionerRewardForms,
          "visplay",
          "the paper's reward, its public code's, or a control that rewards only questions that parse",
        ),
        diversityWeight: number(1, "lambda, weight of the share of near duplicates within the image"),
        evidenceWeight: number(
          0,
          "weight of what needing the image earns: the majority's share of the votes less its share of the blind answers, at least 0; 0 pays nothing for it (EvoVid: 0.1)",
        ),
        minParsedShare: share(0.5, "parsed answers below which a question is gated out"),
        maxAbstentionShare: share(0.25, "abstentions among them above which it is gated out"),
        maxBlindAgreement: share(0.5, "blind answers that agree on the majority above which it is gated out"),
        minSupport: count(0, "votes for the asker's own answer below which it is gated out; 0 skips", 0),
        minConfidence: share(
          0.5,
          "majority's share of the answers below which it is gated out: who is divided among three answers has none (OpenSIR); 0 skips",
        ),
        followsFromDescription: flag(
          true,
          "whether it is gated out where a description of the image alone leads to another answer than the majority's; curriculum.evidence says how it is described",
        ),
      },
      "the Questioner's reward and its gate",
    ),
  },
  "the Questioner phase",
);
