import { examplesIn } from "../common/evasion.ts";
import { mapInSlices } from "../common/slices.ts";
import { zip } from "../common/zip.ts";
import type { RgbImage } from "../images/image.ts";
import type { Completion, Policy, SamplingOptions } from "../policy/port.ts";
import type { FirstPrompt } from "../policy/prompts.ts";
import { type SampledGroup, sampleGroups } from "../policy/sample_groups.ts";
import { parseChoices } from "./choices.ts";
import { type ParsedAnswer, parseAnswer } from "./parse.ts";
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

/** What was said, and the answer that it holds. */
export interface ReadAnswer<C> {
  readonly completion: C;
  readonly parsed: ParsedAnswer;
}

/** A completion, and the answer that it holds. */
export type Answer = ReadAnswer<Completion>;

/** The answers to one question. */
export interface GivenAnswers {
  /** The very prompt to train on. */
  readonly prompt: FirstPrompt;
  /** [m]. */
  readonly answers: readonly Answer[];
}

/** What completions of a question answer, [m]. */
export type AnswerReader = <C extends Pick<Completion, "text" | "finishReason">>(
  question: string,
  completions: readonly C[],
) => ReadAnswer<C>[];

/** Reads the answers to questions that were asked by some templates. */
export function answerReader({ reasoner, format }: ReasonerTemplates): AnswerReader {
  const placeholders = [...examplesIn(reasoner, "answer"), ...examplesIn(reasoner, "think")];
  return (question, completions) => {
    const choices = parseChoices(question);
    return completions.map((completion) => {
      const truncated = completion.finishReason === "length";
      const context = { question, format, placeholders, truncated };
      return { completion, parsed: parseAnswer(completion.text, choices, context) };
    });
  };
}

/**
 * Answers questions with a policy that it doesn't own. Difficulty, labels and training all go through
 * `prompt`, so that what is measured is what is trained.
 */
export class Reasoner {
  readonly #policy: Policy;
  readonly #templates: ReasonerTemplates;
  readonly #read: AnswerReader;

  constructor(policy: Policy, templates: ReasonerTemplates = defaultReasonerTemplates) {
    this.#policy = policy;
    this.#templates = templates;
    this.#read = answerReader(templates);
  }

  /** The prompt of a question; throws a `VisplayError` of code "config" if the template has no `{question}`. */
  prompt({ image, question }: VisualQuestion): FirstPrompt {
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
    const parse = ([{ question }, { prompt, completions }]: [VisualQuestion, SampledGroup<FirstPrompt>]) => {
      return { prompt, answers: this.#read(question, completions) };
    };
    return mapInSlices(zip(questions, sampled), parse, signal);
  }
}
