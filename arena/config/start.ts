import type * as z from "zod";
import { type AnswerFormat, answerFormats, defaultFormat } from "../../common/answer_format.ts";
import { choice, count, group, number, optionalCount } from "./setting.ts";

/** How formats are tried before a run's first round. */
export interface TrialConfig {
  readonly images: number;
  readonly completions: number;
}

/** How policies are taught the wanted form before a run's first round. */
export interface WarmUpConfig {
  /** Null leaves it to the trial. */
  readonly steps: number | null;
  readonly imagesPerStep: number;
  readonly questionsPerImage: number;
  readonly temperature: number;
  readonly learningRate: number;
}

export const format: z.ZodType<AnswerFormat> = choice(
  answerFormats,
  defaultFormat,
  "how questions and answers are marked in completions: <answer> tags, \\boxed{}, a line such as Answer: 3, or not at all; each has prompts of its own",
);

export const trial: z.ZodType<TrialConfig> = group(
  {
    images: count(4, "images that formats are tried on; 0 tries none", 0),
    completions: count(4, "questions, and answers, for each of them"),
  },
  "before the first round, how much of what the policies write can be read under each format",
);

/** Steps of a warm-up that nobody asked for. */
export const unaskedSteps = 12;

export const warmUp: z.ZodType<WarmUpConfig> = group(
  {
    steps: optionalCount(
      `supervised steps of both policies; 0 is none, null makes ${unaskedSteps} where the trial can read less than half of the questions or answers`,
      0,
    ),
    imagesPerStep: count(4, "images per step"),
    questionsPerImage: count(4, "questions about each image, each answered once"),
    temperature: number(0.6, "sampling temperature of these questions and answers", 1e-3),
    learningRate: number(2e-4, "AdamW step size of the text model (1/step)"),
  },
  "for a base that does not write the format: before the first round it imitates its own plain questions and answers, put into that form; the KL anchor stays the base",
);
