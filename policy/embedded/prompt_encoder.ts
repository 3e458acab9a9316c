import { type ConversationTokens, conversationTokens, turnsOf } from "../chat/conversation.ts";
import type { Tokenizer } from "../chat/tokenizer.ts";
import type { ImageProcessor, PreparedImage, VisionLanguageModel } from "../models/vision_language_model.ts";
import type { Prompt, PromptCompletions, WeightSet } from "../port.ts";
import type { ImageEncoder } from "./image_encoder.ts";
import type { Learner } from "./learner.ts";
import { imagesOfJob, type TreeJob } from "./micro_batch.ts";
import type { Pause } from "./pause.ts";
import type { EncodedImage, EncodedPrompt } from "./prefill.ts";
import {
  type PromptTokens,
  promptTokens,
  type Stretch,
  type Target,
  targetOf,
  wholePrompt,
} from "./stretch.ts";

/** What an encoder of prompts has of its policy. */
export interface PromptTools {
  readonly model: VisionLanguageModel;
  readonly tokenizer: Tokenizer;
  readonly learner: Learner;
  readonly encoder: ImageEncoder;
}

/** What prompts and their images become, as a policy sees them now, and as its reference does. */
export class PromptEncoder {
  readonly #tools: PromptTools;
  readonly #processor: ImageProcessor;
  readonly #referenceViews: Record<string, Float32Array>;

  constructor(tools: PromptTools, processor: ImageProcessor, referenceViews: Record<string, Float32Array>) {
    this.#tools = tools;
    this.#processor = processor;
    this.#referenceViews = referenceViews;
  }

  /** Throws a `VisplayError` of code "images" or "prompt" where the model cannot take an image or a text. */
  tokens(prompt: Prompt): PromptTokens {
    return promptTokens(this.#conversation(prompt), this.#tools.model.config.imageTokenId);
  }

  /** A prompt and what it was gone on with, in token ids; throws as `tokens` does. */
  job({ prompt, completions }: PromptCompletions): TreeJob<PreparedImage> {
    const prefix = wholePrompt(this.tokens(prompt));
    const targets = completions.map((completion): Target => {
      const { tokens, observations = [] } = completion;
      if (observations.length === 0) return { tokens, images: [], sampled: null };
      const whole = this.#conversation({ ...prompt, turns: [...prompt.turns, ...turnsOf(completion)] });
      return targetOf(whole, prefix.tokens.length);
    });
    return { prefix, targets };
  }

  /** Prompts in token ids, with the rows of their images. */
  async encode(prompts: readonly Prompt[], weights: WeightSet, pause: Pause): Promise<EncodedPrompt[]> {
    const all = prompts.map((prompt) => this.tokens(prompt));
    const images = all.flatMap(({ prefix, later }) => [prefix, ...later].flatMap((each) => each.images));
    const withRows = encodeBy(await this.rows(images, weights, pause));
    return all.map(({ prefix, suffix, later }) => ({
      prefix: withRows(prefix),
      suffix,
      later: later.map(withRows),
    }));
  }

  /** The same of prompts and what they were gone on with. */
  async encodeJobs(
    groups: readonly PromptCompletions[],
    weights: WeightSet,
    pause: Pause,
  ): Promise<TreeJob<EncodedImage>[]> {
    const jobs = groups.map((group) => this.job(group));
    const images = jobs.flatMap((job) => imagesOfJob(job));
    const withRows = encodeBy(await this.rows(images, weights, pause));
    return jobs.map(({ prefix, targets }) => ({
      prefix: withRows(prefix),
      targets: targets.map((target) => ({ ...target, ...withRows(target) })),
    }));
  }

  /** The rows of embeddings of images, by id. */
  rows(
    images: readonly PreparedImage[],
    weights: WeightSet,
    pause: Pause,
  ): Promise<Map<string, Float32Array>> {
    return this.#tools.encoder.encode(images, this.views(weights), this.#imageVersion(weights), pause);
  }

  /** The parameters' numbers by their names in graphs. */
  views(weights: WeightSet): Record<string, Float32Array> {
    return weights === "policy" ? this.#tools.learner.views : this.#referenceViews;
  }

  /** Whether updates change what images become. */
  get trainsImages(): boolean {
    return this.#tools.learner.trains("vision", "connector");
  }

  #conversation(conversation: Prompt): ConversationTokens {
    const { model, tokenizer, encoder } = this.#tools;
    const prepare = encoder.prepare.bind(encoder);
    return conversationTokens(conversation, { tokenizer, processor: this.#processor, model, prepare });
  }

  /** Changes whenever encoded images become stale. */
  #imageVersion(weights: WeightSet): string {
    if (!this.trainsImages) return "frozen";
    return weights === "reference" ? "reference" : `${this.#tools.learner.version}`;
  }
}

function encodeBy(rows: ReadonlyMap<string, Float32Array>): (stretch: Stretch) => Stretch<EncodedImage> {
  return ({ tokens, images }) => ({
    tokens,
    images: images.map(({ id, shape, start }) => ({ id, shape, start, rows: rows.get(id) as Float32Array })),
  });
}
