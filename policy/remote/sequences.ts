import { ByteCache } from "../../common/byte_cache.ts";
import { VisplayError } from "../../common/errors.ts";
import { encodePng } from "../../images/encode.ts";
import type { RgbImage } from "../../images/image.ts";
import {
  type ConversationTools,
  concatTokens,
  conversationTokens,
  type Shown,
  turnsOf,
} from "../chat/conversation.ts";
import type { PreparedImage, VisionLanguageModel } from "../models/vision_language_model.ts";
import type { Continuation, Prompt } from "../port.ts";
import { imagesIn } from "../prompts.ts";
import type { Chunk, Datum } from "./messages.ts";

/** What of a model makes token ids of turns. */
export interface SequenceTools extends Omit<ConversationTools, "prepare" | "model"> {
  readonly model: Pick<VisionLanguageModel, "config" | "rows" | "parameters">;
}

/** A prompt, or a prompt and what it was gone on with, in token ids. */
export interface TokenSequence {
  readonly ids: Int32Array;
  readonly images: readonly PlacedImage[];
  /** The places of what was sampled, [T]; none in a prompt. */
  readonly sampled: Int32Array;
}

/** An image in place of `length` tokens from `start` on. */
interface PlacedImage {
  readonly start: number;
  readonly length: number;
  readonly png: Uint8Array;
}

const cacheBytes = 256 * 2 ** 20;
const noPatches = new Float32Array();

/** Turns prompts into what a server reads of them, images as PNG files. Each image is looked at once. */
export class SequenceEncoder {
  readonly #tools: SequenceTools;
  readonly #shapes = new ByteCache<PreparedImage>(2 ** 20, ({ placeholder }) => placeholder.length);
  readonly #files = new ByteCache<Uint8Array>(cacheBytes, ({ length }) => length);

  constructor(tools: SequenceTools) {
    this.#tools = tools;
  }

  /** Throws a `VisplayError` of code "images" or "prompt" where the model cannot take an image or the text. */
  async prompt(prompt: Prompt): Promise<TokenSequence> {
    const { ids, images } = this.#conversation(prompt);
    return { ids, images: await this.#place(ids, images, prompt), sampled: new Int32Array() };
  }

  /** A prompt with each of its continuations; throws as `prompt` does. */
  async continuations(prompt: Prompt, continuations: readonly Continuation[]): Promise<TokenSequence[]> {
    const start = await this.prompt(prompt);
    return Promise.all(continuations.map((each) => this.#continuation(prompt, start, each)));
  }

  async #continuation(prompt: Prompt, start: TokenSequence, given: Continuation): Promise<TokenSequence> {
    const { length } = start.ids;
    const { tokens, observations = [] } = given;
    if (observations.length === 0) {
      const sampled = Int32Array.from(tokens, (_, t) => length + t);
      return { ids: concatTokens(start.ids, tokens), images: start.images, sampled };
    }
    const whole = { ...prompt, turns: [...prompt.turns, ...turnsOf(given)] };
    const { ids, images, own } = this.#conversation(whole);
    const places = own
      .filter((span) => span.start >= length)
      .flatMap((span) => Array.from({ length: span.end - span.start }, (_, t) => span.start + t));
    return { ids, images: await this.#place(ids, images, whole), sampled: Int32Array.from(places) };
  }

  #conversation(prompt: Prompt): ReturnType<typeof conversationTokens> {
    return conversationTokens(prompt, { ...this.#tools, prepare: (image) => this.#prepare(image) });
  }

  /** The server scales and cuts images itself: only what stands for one in a prompt is needed here. */
  #prepare(image: RgbImage): PreparedImage {
    const known = this.#shapes.get(image.id);
    if (known) return known;
    const prepared = { ...this.#tools.processor.prepare(image), patches: noPatches };
    this.#shapes.set(image.id, prepared);
    return prepared;
  }

  async #place(
    ids: Int32Array,
    shown: readonly Shown<PreparedImage>[],
    { turns }: Prompt,
  ): Promise<PlacedImage[]> {
    const { model } = this.#tools;
    const images = imagesIn(turns);
    return Promise.all(
      shown.map(async ({ start, shape }, i) => {
        const length = model.rows(shape);
        if (!ids.subarray(start, start + length).every((id) => id === model.config.imageTokenId))
          throw new VisplayError(
            "images",
            `a picture is cut into ${shape.tiles} tiles, which no engine takes; set model.splitting to false`,
          );
        return { start, length, png: await this.#png(images[i] as RgbImage) };
      }),
    );
  }

  async #png(image: RgbImage): Promise<Uint8Array> {
    const known = this.#files.get(image.id);
    if (known) return known;
    const png = new Uint8Array(await encodePng(image));
    this.#files.set(image.id, png);
    return png;
  }
}

/** What is read of a sequence up to before `end`. */
export function chunksOf({ ids, images }: TokenSequence, end: number): Chunk[] {
  const chunks: Chunk[] = [];
  let at = 0;
  const addText = (to: number): void => {
    if (to > at) chunks.push({ kind: "text", tokens: ids.slice(at, to) });
  };
  for (const { start, length, png } of images) {
    addText(start);
    chunks.push({ kind: "image", data: png, expectedTokens: length });
    at = start + length;
  }
  addText(end);
  return chunks;
}

/** What a loss reads of a sequence's sampled tokens, [T]. */
export interface SampledValues {
  readonly weights: Float32Array;
  readonly logprobs?: Float32Array;
  readonly advantages?: Float32Array;
}

/** A sequence to score or to learn from: all but its last token is read, and each token is what follows the one before. */
export function datumOf(sequence: TokenSequence, values: SampledValues): Datum {
  const { ids, images, sampled } = sequence;
  const length = ids.length - 1;
  const targets = ids.slice(1);
  for (const image of images) targets.fill(0, Math.max(0, image.start - 1), image.start + image.length - 1);
  const spread = (own: Float32Array): Float32Array => {
    const all = new Float32Array(length);
    for (const [t, place] of sampled.entries()) all[place - 1] = own[t] as number;
    return all;
  };
  const { weights, logprobs, advantages } = values;
  return {
    input: chunksOf(sequence, length),
    loss: {
      target_tokens: targets,
      weights: spread(weights),
      ...(logprobs && { logprobs: spread(logprobs) }),
      ...(advantages && { advantages: spread(advantages) }),
    },
  };
}

/** The log-probabilities of what was sampled, [T], among those of all targets. */
export function sampledLogProbs({ sampled }: TokenSequence, logProbs: Float32Array): Float32Array {
  return Float32Array.from(sampled, (place) => logProbs[place - 1] as number);
}
