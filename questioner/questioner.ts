import { examplesIn } from "../common/evasion.ts";
import type { RgbImage } from "../images/image.ts";
import type { Completion, Policy, Prompt, SamplingOptions } from "../policy/port.ts";
import {
  defaultQuestionLimits,
  type ParsedQuestion,
  parseQuestion,
  type QuestionContext,
  type QuestionLimits,
} from "./parse.ts";
import { defaultQuestionerTemplates, type QuestionerTemplates, questionerPrompt } from "./prompt.ts";

/** What was asked about one image. */
export interface AskedQuestions {
  readonly image: RgbImage;
  /** The very prompt to train on. */
  readonly prompt: Prompt;
  /** [G]. */
  readonly completions: readonly Completion[];
  /** What each completion holds, [G]. */
  readonly questions: readonly ParsedQuestion[];
}

/** Turns images into questions with a policy that it doesn't own. */
export class Questioner {
  readonly #policy: Policy;
  readonly #templates: QuestionerTemplates;
  readonly #limits: QuestionLimits;
  readonly #form: QuestionContext;

  constructor(
    policy: Policy,
    templates: QuestionerTemplates = defaultQuestionerTemplates,
    limits: QuestionLimits = defaultQuestionLimits,
  ) {
    this.#policy = policy;
    this.#templates = templates;
    const { questioner, format } = templates;
    const placeholders = [...examplesIn(questioner, "question"), ...examplesIn(questioner, "answer")];
    this.#limits = limits;
    this.#form = { format, placeholders };
  }

  /** G questions about each image, [images]; a malformed one is an outcome, not an error. */
  async ask(
    images: readonly RgbImage[],
    options: SamplingOptions,
    signal?: AbortSignal,
  ): Promise<AskedQuestions[]> {
    const prompts = images.map((image) => questionerPrompt(image, this.#templates));
    const sampled = await this.#policy.sample(prompts, options, signal);
    return prompts.map((prompt, i) => {
      const completions = sampled[i];
      if (completions?.length !== options.groupSize) {
        throw new RangeError(`image ${i}: ${completions?.length ?? 0} of ${options.groupSize} completions`);
      }
      const questions = completions.map(({ text, finishReason }) =>
        parseQuestion(text, this.#limits, { ...this.#form, truncated: finishReason === "length" }),
      );
      return { image: prompt.image, prompt, completions, questions };
    });
  }
}
