import { zip } from "../common/zip.ts";
import type { Completion, Policy } from "../policy/port.ts";
import { descriptionIn } from "./description.ts";
import { type DescriptionTemplates, describerPrompt, readerPrompt } from "./prompt.ts";
import {
  type Answer,
  type AnswerOptions,
  type AnswerReader,
  answerReader,
  type VisualQuestion,
} from "./reasoner.ts";

/** A question, and what its picture shows in words. */
export interface DescribedQuestion {
  readonly question: string;
  readonly description: string;
}

/** Answers in two steps with a policy that it doesn't own: it sees and describes, and answers without the picture. */
export class Describer {
  readonly #policy: Policy;
  readonly #templates: DescriptionTemplates;
  readonly #read: AnswerReader;

  constructor(policy: Policy, templates: DescriptionTemplates) {
    this.#policy = policy;
    this.#templates = templates;
    this.#read = answerReader({ reasoner: templates.reader, format: templates.format });
  }

  /**
   * What each question's picture shows of what it needs, n times, [questions][n]. Where the prompt is the same for all
   * questions about a picture, it is described once for all of them.
   */
  async describe(
    questions: readonly VisualQuestion[],
    { samples, ...sampling }: AnswerOptions,
    signal?: AbortSignal,
  ): Promise<Completion[][]> {
    const keys = questions.map(({ image, question }) => this.#keyOf(image.id, question));
    const first = new Map(keys.map((key, i) => [key, i]).reverse() as [string, number][]);
    const places = [...first.values()].sort((a, b) => a - b);
    const prompts = places.map((i) => {
      const { image, question } = questions[i] as VisualQuestion;
      return describerPrompt(image, question, this.#templates);
    });
    const sampled = await this.#sample(prompts, { ...sampling, groupSize: samples }, signal);
    const described = new Map(zip(places, sampled).map(([i, completions]) => [keys[i], completions]));
    return keys.map((key) => described.get(key) ?? []);
  }

  /** The same once, in words, [questions]; null where nothing usable was said. */
  async describeOnce(
    questions: readonly VisualQuestion[],
    sampling: Omit<AnswerOptions, "samples">,
    signal?: AbortSignal,
  ): Promise<(string | null)[]> {
    const described = await this.describe(questions, { ...sampling, samples: 1 }, signal);
    return described.map(([completion]) => (completion ? descriptionIn(completion) : null));
  }

  /** m answers to each question from its description alone, [questions][m]. */
  async conclude(
    questions: readonly DescribedQuestion[],
    { samples, ...sampling }: AnswerOptions,
    signal?: AbortSignal,
  ): Promise<Answer[][]> {
    const prompts = questions.map(({ description, question }) =>
      readerPrompt(description, question, this.#templates),
    );
    const sampled = await this.#sample(prompts, { ...sampling, groupSize: samples }, signal);
    return zip(questions, sampled).map(([{ question }, completions]) => this.#read(question, completions));
  }

  async #sample(...call: Parameters<Policy["sample"]>): ReturnType<Policy["sample"]> {
    return call[0].length === 0 ? [] : this.#policy.sample(...call);
  }

  #keyOf(image: string, question: string): string {
    return this.#templates.describer.includes("{question}") ? `${image} ${question}` : image;
  }
}
