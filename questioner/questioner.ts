import { examplesIn } from "../common/evasion.ts";
import type { RgbImage } from "../images/image.ts";
import type { Completion, Policy, Prompt, SamplingOptions } from "../policy/port.ts";
import { sampleGroups } from "../policy/sample_groups.ts";
import { type ParsedQuestion, parseQuestion, type QuestionContext } from "./parse.ts";
import { defaultQuestionerTemplates, type QuestionerTemplates, questionerPrompt } from "./prompt.ts";

/** A completion, and the question that it holds. */
export interface AskedQuestion {
  readonly completion: Completion;
  readonly parsed: ParsedQuestion;
}

/** What was asked about one image. */
export interface AskedQuestions {
  /** The very prompt to train on. */
  readonly prompt: Prompt;
  /** [G]. */
  readonly questions: readonly AskedQuestion[];
}

/** Turns images into questions with a policy that it doesn't own. */
export class Questioner {
  readonly #policy: Policy;
  readonly #templates: QuestionerTemplates;
  readonly #form: QuestionContext;

  constructor(policy: Policy, templates: QuestionerTemplates = defaultQuestionerTemplates) {
    this.#policy = policy;
    this.#templates = templates;
    const { questioner, format } = templates;
    const placeholders = [...examplesIn(questioner, "question"), ...examplesIn(questioner, "answer")];
    this.#form = { format, placeholders };
  }

  /** G questions about each image, [images]; a malformed one is an outcome, not an error. */
  async ask(
    images: readonly RgbImage[],
    options: SamplingOptions,
    signal?: AbortSignal,
  ): Promise<AskedQuestions[]> {
    const prompts = images.map((image) => questionerPrompt(image, this.#templates));
    const sampled = await sampleGroups(this.#policy, prompts, options, signal);
    return sampled.map(({ prompt, completions }) => {
      const questions = completions.map((completion) => {
        const context = { ...this.#form, truncated: completion.finishReason === "length" };
        return { completion, parsed: parseQuestion(completion.text, context) };
      });
      return { prompt, questions };
    });
  }
}
