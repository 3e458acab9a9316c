import { createHash } from "node:crypto";
import { ByteCache } from "../../common/byte_cache.ts";
import { groupBy } from "../../common/group_by.ts";
import { zip } from "../../common/zip.ts";
import type { VisionLanguageModel } from "../models/vision_language_model.ts";
import { bucket, coveringBucket, imagePlaces, nextPowerOfTwo, TokenFeeds } from "./batch.ts";
import type { BufferPool } from "./buffer_pool.ts";
import { layerParts, PromptCache } from "./decode_cache.ts";
import { type ExtendShape, extendGraph } from "./graphs.ts";
import { placedRows } from "./learning_work.ts";
import {
  type EncodedImage,
  type EncodedPrompt,
  type Past,
  type PastPart,
  type PrefillBatch,
  type Prefilled,
  pastLength,
  prefill,
  prefillBatches,
} from "./prefill.ts";
import type { GraphTools } from "./sessions.ts";
import { type Stretch, sharedKey } from "./stretch.ts";

/** What keys and values of conversations that go on may take. */
const budgetBytes = { small: 128 * 2 ** 20, large: 2 ** 30 };
/** Conversations that are computed together. */
const together = 16;
const noProbabilities = new Float32Array();

/** What computes conversations. */
export interface ConversationTools extends GraphTools {
  readonly pool: BufferPool;
}

/** Which memory conversations may take, and how they are computed. */
export interface ConversationOptions {
  readonly large: boolean;
  readonly threads: number;
  /** Bytes that keys and values may take. */
  readonly bytes?: number;
}

/**
 * Keys and values of conversations that go on, turn by turn: a next turn is computed from them, and so costs its new tokens
 * only. What no longer fits is computed again in graphs of the same sizes, and so with the same bits: those of a row do not
 * depend on who is computed beside it where there is one thread; with several, each conversation is computed alone.
 */
export class Conversations {
  readonly #kept: ByteCache<{ readonly past: PastPart; readonly nextPosition: number }>;
  readonly #together: number;
  #version: number | "reference" = -1;

  constructor({
    large,
    threads,
    bytes = large ? budgetBytes.large : budgetBytes.small,
  }: ConversationOptions) {
    this.#kept = new ByteCache(bytes, ({ past }) => past.keysValues.byteLength);
    this.#together = large || threads > 1 ? 1 : together;
  }

  /** Forgets all where the weights are others than those that gave it: of another version, or the base's. */
  follow(version: number | "reference"): void {
    if (version !== this.#version) this.#kept.clear();
    this.#version = version;
  }

  forget(): void {
    this.#kept.clear();
  }

  /** Computes what is not known of some prompts; `feeds` are the weights and the temperature. */
  async prefill(
    tools: ConversationTools,
    prompts: readonly EncodedPrompt[],
    feeds: Readonly<Record<string, Float32Array>>,
  ): Promise<Prefilled[]> {
    const { model } = tools;
    const keys = prompts.map(turnKeys);
    // What comes after the last turn is always computed: from there the conversation goes on.
    const states: Prefilled[] = keys.map((own) => ({
      past: this.#known(own.slice(0, -1)),
      probabilities: noProbabilities,
    }));
    const advance = (i: number, { past, probabilities }: Prefilled): void => {
      const before = (states[i] as Prefilled).past;
      const key = keys[i]?.[before.parts.length] as string;
      states[i] = { past: this.#keep(key, model, before, past), probabilities };
    };
    const begins = states.flatMap(({ past }, i) => (past.parts.length === 0 ? [i] : []));
    for (const [i, begun] of await begin(tools, prompts, begins, this.#together, feeds)) advance(i, begun);
    for (;;) {
      const going = prompts.flatMap(({ later }, i) => {
        const { past } = states[i] as Prefilled;
        const stretch = later[past.parts.length - 1];
        return stretch ? [{ i, past, stretch }] : [];
      });
      if (going.length === 0) return states;
      const extended = await extend(tools, going, this.#together, feeds);
      for (const [{ i }, each] of zip(going, extended)) advance(i, each);
    }
  }

  /** What is known of a conversation from its beginning on. */
  #known(keys: readonly string[]): Past {
    const parts: PastPart[] = [];
    let nextPosition = 0;
    for (const key of keys) {
      const kept = this.#kept.get(key);
      if (kept === undefined) break;
      parts.push(kept.past);
      nextPosition = kept.nextPosition;
    }
    return { parts, nextPosition };
  }

  /** Keeps what a turn added to a past; returns both together. */
  #keep(key: string, model: VisionLanguageModel, before: Past, { parts, nextPosition }: Past): Past {
    const past = compact(model, parts[before.parts.length] as PastPart);
    this.#kept.set(key, { past, nextPosition });
    return { parts: [...before.parts, past], nextPosition };
  }
}

/** Computes the beginnings of some prompts, each as a prefix of its own; the prompts' places, and what they became. */
async function begin(
  tools: ConversationTools,
  prompts: readonly EncodedPrompt[],
  places: readonly number[],
  most: number,
  feeds: Readonly<Record<string, Float32Array>>,
): Promise<[number, Prefilled][]> {
  const begun: [number, Prefilled][] = [];
  const shapes = places.map((i) => {
    const [batch] = prefillBatches(tools.model, [prompts[i] as EncodedPrompt], 1);
    return { i, shape: (batch as PrefillBatch).shape };
  });
  for (const alike of groupBy(shapes, ({ shape }) => JSON.stringify(shape)).values())
    for (let start = 0; start < alike.length; start += most) {
      const some = alike.slice(start, start + most);
      const own = some.map(({ i }) => prompts[i] as EncodedPrompt);
      const one = (some[0] as (typeof shapes)[number]).shape;
      const batch = {
        shape: { ...one, prefixes: nextPowerOfTwo(own.length) },
        prompts: own.map((_, k) => [k]),
      };
      const prefilled = await prefill(tools, own, batch, feeds);
      begun.push(...zip(some, prefilled).map(([{ i }, each]): [number, Prefilled] => [i, each]));
    }
  return begun;
}

/** A name for each beginning of a prompt that ends before a turn of the policy, the whole prompt last. */
function turnKeys({ prefix, suffix, later }: EncodedPrompt): string[] {
  const keys: string[] = [];
  const parts = [[prefix, { tokens: suffix, images: [] }], ...later.map((each) => [each])];
  for (const part of parts) {
    const hash = createHash("sha1").update(keys.at(-1) ?? "");
    for (const stretch of part) hash.update(`${stretch.tokens.length} ${sharedKey(stretch)}`, "latin1");
    keys.push(hash.digest("base64"));
  }
  return keys;
}

/** What follows in a conversation, and what is known of it. */
interface Extension {
  readonly past: Past;
  readonly stretch: Stretch<EncodedImage>;
}

/** The sizes of the graph that takes an extension. */
function shapeOf(
  { model }: GraphTools,
  { past, stretch: { tokens, images } }: Extension,
): Omit<ExtendShape, "slots"> {
  return {
    promptLength: bucket(pastLength(past)),
    length: bucket(tokens.length),
    image: coveringBucket(model, images),
    images: imagePlaces(images.length),
  };
}

/** Conversations' next tokens, computed from what is known of them: of equal sizes together, `most` at once. */
async function extend(
  tools: ConversationTools,
  extensions: readonly Extension[],
  most: number,
  feeds: Readonly<Record<string, Float32Array>>,
): Promise<Prefilled[]> {
  const results: Prefilled[] = new Array(extensions.length);
  const alike = groupBy([...extensions.keys()], (i) =>
    JSON.stringify(shapeOf(tools, extensions[i] as Extension)),
  );
  for (const places of alike.values())
    for (let start = 0; start < places.length; start += most) {
      const some = places.slice(start, start + most);
      const extended = await extendTogether(
        tools,
        some.map((i) => extensions[i] as Extension),
        feeds,
      );
      for (const [k, i] of some.entries()) results[i] = extended[k] as Prefilled;
    }
  return results;
}

async function extendTogether(
  tools: ConversationTools,
  extensions: readonly Extension[],
  feeds: Readonly<Record<string, Float32Array>>,
): Promise<Prefilled[]> {
  const { model, tensors, sessions, pool } = tools;
  const slots = nextPowerOfTwo(extensions.length);
  const shape: ExtendShape = { ...shapeOf(tools, extensions[0] as Extension), slots };
  const { length, image, images, promptLength } = shape;
  const cache = new PromptCache(model, { slots, promptLength }, pool);
  const tokens = new TokenFeeds(model, slots * length, image);
  const ends = new BigInt64Array(slots);
  const next = extensions.map(({ past, stretch }, slot) => {
    cache.place(slot, past.parts);
    ends[slot] = BigInt(slot * length + stretch.tokens.length - 1);
    return tokens.put(stretch, slot * length, past.nextPosition, slot * images).next;
  });
  for (let slot = extensions.length; slot < slots; slot++) ends[slot] = BigInt(slot * length);
  const session = await sessions.get("extend", shape, () => extendGraph(model, tensors, shape));
  const rows = extensions.map(({ stretch }) => stretch.images.map((each) => each.rows));
  const outputs = await session.run({
    ...feeds,
    ...cache.feeds,
    ...tokens.feeds,
    ...placedRows(model, { prefixes: slots, image, imagesPerPrefix: images }, rows),
    ends,
  });
  cache.release();
  const keysValues = outputs.keys_values as Float32Array;
  const probabilities = outputs.probabilities as Float32Array;
  const classes = probabilities.length / slots;
  return extensions.map(({ past, stretch }, slot) => {
    const added = { keysValues, rows: Array.from(stretch.tokens, (_, t) => slot * length + t) };
    return {
      past: { parts: [...past.parts, added], nextPosition: next[slot] as number },
      probabilities: probabilities.subarray(slot * classes, (slot + 1) * classes),
    };
  });
}

/** The same keys and values without other tokens'. */
function compact(model: VisionLanguageModel, { keysValues, rows }: PastPart): PastPart {
  const width = model.heads.kvHeads * model.heads.headSize;
  const perPart = rows.length * width;
  const all = new Float32Array(2 * model.config.text.layers * perPart);
  let at = 0;
  for (const [, , source] of layerParts(model, keysValues)) {
    for (let first = 0, next = 1; first < rows.length; first = next, next++) {
      // Rows that follow one another go in one copy.
      const from = rows[first] as number;
      while (next < rows.length && rows[next] === from + next - first) next++;
      all.set(source.subarray(from * width, (from + next - first) * width), at + first * width);
    }
    at += perPart;
  }
  return { keysValues: all, rows: [...rows.keys()] };
}
