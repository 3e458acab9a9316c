import { examplesIn } from "../common/evasion.ts";
import { mapInSlices } from "../common/slices.ts";
import { zip } from "../common/zip.ts";
import type { RgbImage } from "../images/image.ts";
import type { Completion, Policy, Prompt, SamplingOptions } from "../policy/port.ts";
import { type SampledGroup, sampleGroups } from "../policy/sample_groups.ts";
import { parseChoices } from "./choices.ts";
import { type AnswerContext, type ParsedAnswer, parseAnswer } from "./parse.ts";
import { defaultReasonerTemplates, type ReasonerTemplates, reasonerPrompt } from "./prompt.ts";

/** A question about an image. */
export interface VisualQuestion {
  readonly image: RgbImage;
  readonly question: string;
}

export interface AnswerOptions extends Omit<SamplingOptions, "groupSize"> {
  /** m: answers per question. */
  readonly samples: number;
}

/** A completion, and the answer that it holds. */
export interface Answer {
  readonly completion: Completion;
  readonly parsed: ParsedAnswer;
}

/** The answers to one question. */
export interface GivenAnswers {
  /** The very prompt to train on. */
  readonly prompt: Prompt;
  /** [m]. */
  readonly answers: readonly Answer[];
}

/**
 * Answers questions with a policy that it doesn't own. Difficulty, labels and training all go through
 * `prompt`, so that what is measured is what is trained.
 */
export class Reasoner {
  readonly #policy: Policy;
  readonly #templates: ReasonerTemplates;
  readonly #form: Pick<AnswerContext, "format" | "placeholders">;

  constructor(policy: Policy, templates: ReasonerTemplates = defaultReasonerTemplates) {
    this.#policy = policy;
    this.#templates = templates;
    const { reasoner, format } = templates;
    const placeholders = [...examplesIn(reasoner, "answer"), ...examplesIn(reasoner, "think")];
    this.#form = { format, placeholders };
  }

  /** The prompt of a question; throws a `VisplayError` of code "config" if the template has no `{question}`. */
  prompt({ image, question }: VisualQuestion): Prompt {
    return reasonerPrompt(image, question, this.#templates);
  }

  /** m answers to each question, [questions]; a malformed one is an outcome, not an error. */
  async answer(
    questions: readonly VisualQuestion[],
    { samples, ...sampling }: AnswerOptions,
    signal?: AbortSignal,
  ): Promise<GivenAnswers[]> {
    const prompts = questions.map((question) => this.prompt(question));
    const options = { ...sampling, groupSize: samples };
    const sampled = await sampleGroups(this.#policy, prompts, options, signal);
    const parse = ([{ question }, { prompt, completions }]: [VisualQuestion, SampledGroup]): GivenAnswers => {
      const choices = parseChoices(question);
      const answers = completions.map((completion) => {
        const context = { question, ...this.#form, truncated: completion.finishReason === "length" };
        return { completion, parsed: parseAnswer(completion.text, choices, context) };
      });
      return { prompt, answers };
    };
    return mapInSlices(zip(questions, sampled), parse, signal);
  }
}
