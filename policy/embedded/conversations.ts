import { createHash } from "node:crypto";
import { ByteCache } from "../../common/byte_cache.ts";
import type { VisionLanguageModel } from "../models/vision_language_model.ts";
import { bucket, coveringBucket, imagePlaces, TokenFeeds } from "./batch.ts";
import type { BufferPool } from "./buffer_pool.ts";
import { layerParts, PromptCache } from "./decode_cache.ts";
import { type ExtendShape, extendGraph } from "./graphs.ts";
import { placedRows } from "./learning_work.ts";
import {
  type EncodedImage,
  type EncodedPrompt,
  type Past,
  type PastPart,
  type Prefilled,
  pastLength,
  prefill,
  prefillBatches,
} from "./prefill.ts";
import type { GraphTools } from "./sessions.ts";
import { type Stretch, sharedKey } from "./stretch.ts";

/** What keys and values of conversations that go on may take. */
const budgetBytes = { small: 128 * 2 ** 20, large: 2 ** 30 };

/**
 * Keys and values of conversations that go on, turn by turn: a next turn is computed from them, and so costs its new tokens
 * only. What no longer fits is computed again, in the same graphs and each conversation alone, so that its bits are the
 * same.
 */
export class Conversations {
  readonly #kept: ByteCache<{ readonly past: PastPart; readonly nextPosition: number }>;
  #version = -1;

  constructor(large: boolean, bytes: number = large ? budgetBytes.large : budgetBytes.small) {
    this.#kept = new ByteCache(bytes, ({ past }) => past.keysValues.byteLength);
  }

  /** Forgets all where the weights are of another version than those that gave it. */
  follow(version: number): void {
    if (version !== this.#version) this.#kept.clear();
    this.#version = version;
  }

  forget(): void {
    this.#kept.clear();
  }

  /** Computes what is not known of a prompt; `feeds` are the weights and the temperature. */
  async prefill(
    tools: GraphTools & { readonly pool: BufferPool },
    prompt: EncodedPrompt,
    feeds: Readonly<Record<string, Float32Array>>,
  ): Promise<Prefilled> {
    const { model } = tools;
    const { prefix, suffix, later } = prompt;
    const keys = turnKeys(prompt);
    // What comes after the last turn is always computed: from there the conversation goes on.
    const known = this.#known(keys.slice(0, -1));
    let past: Past;
    let probabilities: Float32Array | undefined;
    if (known.length === 0) {
      const [batch] = prefillBatches(model, [{ prefix, suffix }], 1);
      const [first] = batch ? await prefill(tools, [prompt], batch, feeds) : [];
      const begun = first as Prefilled;
      probabilities = begun.probabilities;
      past = this.#keep(keys[0] as string, model, { parts: [], nextPosition: 0 }, begun.past);
    } else {
      const nextPosition = known.at(-1)?.nextPosition as number;
      past = { parts: known.map((each) => each.past), nextPosition };
    }
    for (let turn = past.parts.length - 1; turn < later.length; turn++) {
      const extended = await extend(tools, past, later[turn] as Stretch<EncodedImage>, feeds);
      probabilities = extended.probabilities;
      past = this.#keep(keys[turn + 1] as string, model, past, extended.past);
    }
    return { past, probabilities: probabilities as Float32Array };
  }

  /** What is known of a conversation from its beginning on. */
  #known(keys: readonly string[]): { readonly past: PastPart; readonly nextPosition: number }[] {
    const known = [];
    for (const key of keys) {
      const kept = this.#kept.get(key);
      if (kept === undefined) break;
      known.push(kept);
    }
    return known;
  }

  /** Keeps what a turn added to a past; returns both together. */
  #keep(key: string, model: VisionLanguageModel, before: Past, { parts, nextPosition }: Past): Past {
    const past = compact(model, parts[before.parts.length] as PastPart);
    this.#kept.set(key, { past, nextPosition });
    return { parts: [...before.parts, past], nextPosition };
  }
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

/** A conversation's next tokens, computed from what is known of it. */
async function extend(
  { model, tensors, sessions, pool }: GraphTools & { readonly pool: BufferPool },
  past: Past,
  stretch: Stretch<EncodedImage>,
  feeds: Readonly<Record<string, Float32Array>>,
): Promise<Prefilled> {
  const { tokens, images } = stretch;
  const shape: ExtendShape = {
    promptLength: bucket(pastLength(past)),
    length: bucket(tokens.length),
    image: coveringBucket(model, images),
    images: imagePlaces(images.length),
  };
  const cache = new PromptCache(model, { slots: 1, promptLength: shape.promptLength }, pool);
  cache.place(0, past.parts);
  const own = new TokenFeeds(model, shape.length, shape.image);
  const { next } = own.put(stretch, 0, past.nextPosition, 0);
  const session = await sessions.get("extend", shape, () => extendGraph(model, tensors, shape));
  const rows = { prefixes: 1, image: shape.image, imagesPerPrefix: shape.images };
  const outputs = await session.run({
    ...feeds,
    ...cache.feeds,
    ...own.feeds,
    ...placedRows(model, rows, [images.map((image) => image.rows)]),
    ends: BigInt64Array.of(BigInt(tokens.length - 1)),
  });
  cache.release();
  const added = { keysValues: outputs.keys_values as Float32Array, rows: [...tokens.keys()] };
  return {
    past: { parts: [...past.parts, added], nextPosition: next },
    probabilities: outputs.probabilities as Float32Array,
  };
}

/** The same keys and values without other tokens'. */
function compact(model: VisionLanguageModel, { keysValues, rows }: PastPart): PastPart {
  const width = model.heads.kvHeads * model.heads.headSize;
  const perPart = rows.length * width;
  const all = new Float32Array(2 * model.config.text.layers * perPart);
  let at = 0;
  for (const [, , source] of layerParts(model, keysValues)) {
    for (const [t, row] of rows.entries())
      all.set(source.subarray(row * width, (row + 1) * width), at + t * width);
    at += perPart;
  }
  return { keysValues: all, rows: [...rows.keys()] };
}
