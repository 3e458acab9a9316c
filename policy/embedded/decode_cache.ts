import { masked } from "../models/attention.ts";
import type { VisionLanguageModel } from "../models/vision_language_model.ts";
import type { BufferPool } from "./buffer_pool.ts";
import type { DecodeShape } from "./graphs.ts";
import type { PastPart } from "./prefill.ts";

/** A token's place in the cache of one layer, in the order in which graphs give keys and values. */
const kinds = ["keys", "values"] as const;
const nothing = new Float32Array();

/** Keys and values of each layer, with their part of a graph's `keys_values` [2 · layers · N, Hkv · d]. */
export function* layerParts(
  { config }: Pick<VisionLanguageModel, "config">,
  keysValues: Float32Array = nothing,
): Generator<[kind: string, layer: number, rows: Float32Array]> {
  const { layers } = config.text;
  const size = keysValues.length / (kinds.length * layers);
  for (let layer = 0; layer < layers; layer++)
    for (const [k, kind] of kinds.entries()) {
      const start = (layer * kinds.length + k) * size;
      yield [kind, layer, keysValues.subarray(start, start + size)];
    }
}

/** Per layer the keys and values of each slot's prompt, [slots, K, promptLength, d], as graphs read them. */
export class PromptCache {
  readonly #model: VisionLanguageModel;
  readonly #pool: BufferPool;
  readonly #promptLength: number;
  readonly #arrays: Record<string, Float32Array> = {};

  constructor(
    model: VisionLanguageModel,
    { slots, promptLength }: Pick<DecodeShape, "slots" | "promptLength">,
    pool: BufferPool,
  ) {
    const { kvHeads, headSize } = model.heads;
    this.#model = model;
    this.#pool = pool;
    this.#promptLength = promptLength;
    for (const [kind, layer] of layerParts(model))
      this.#arrays[`prompt_${kind}_${layer}`] = pool.take(slots * promptLength * kvHeads * headSize);
    this.#arrays.prompt_bias = pool.take(slots * promptLength).fill(masked);
  }

  get feeds(): Readonly<Record<string, Float32Array>> {
    return this.#arrays;
  }

  /** Gives the memory back; the cache is of no use afterwards. */
  release(): void {
    for (const array of Object.values(this.#arrays)) this.#pool.give(array);
  }

  /** Puts a prompt into a slot. */
  place(slot: number, parts: readonly PastPart[]): void {
    const { kvHeads, headSize: d } = this.#model.heads;
    let start = 0;
    for (const { keysValues, rows } of parts) {
      for (const [kind, layer, source] of layerParts(this.#model, keysValues)) {
        const target = this.#arrays[`prompt_${kind}_${layer}`] as Float32Array;
        for (let head = 0; head < kvHeads; head++) {
          const base = (slot * kvHeads + head) * this.#promptLength + start;
          let to = base * d;
          for (const row of rows) {
            let from = (row * kvHeads + head) * d;
            for (const end = from + d; from < end; ) target[to++] = source[from++] as number;
          }
        }
      }
      start += rows.length;
    }
    const bias = this.#arrays.prompt_bias as Float32Array;
    bias.fill(masked, slot * this.#promptLength, (slot + 1) * this.#promptLength);
    bias.fill(0, slot * this.#promptLength, slot * this.#promptLength + start);
  }

  /** A cache of so many slots that holds the given ones, in order; this one is released. */
  resize(kept: readonly number[], slots: number): PromptCache {
    const next = new PromptCache(this.#model, { slots, promptLength: this.#promptLength }, this.#pool);
    const { kvHeads, headSize } = this.#model.heads;
    for (const [name, source] of Object.entries(this.#arrays)) {
      const size = this.#promptLength * (name === "prompt_bias" ? 1 : kvHeads * headSize);
      kept.forEach((slot, i) => {
        next.#arrays[name]?.set(source.subarray(slot * size, (slot + 1) * size), i * size);
      });
    }
    this.release();
    return next;
  }
}

/**
 * The caches that a decoding graph reads: those of the prompts, and per layer the keys and values of their sequences' own
 * past [slots, K, group, pastLength, d].
 */
export class DecodeCache {
  readonly shape: DecodeShape;
  readonly #model: VisionLanguageModel;
  readonly #pool: BufferPool;
  readonly #prompts: PromptCache;
  readonly #arrays: Record<string, Float32Array> = {};

  constructor(
    model: VisionLanguageModel,
    shape: DecodeShape,
    pool: BufferPool,
    prompts: PromptCache = new PromptCache(model, shape, pool),
  ) {
    const { slots, group, pastLength } = shape;
    const perToken = model.heads.kvHeads * model.heads.headSize;
    this.shape = shape;
    this.#model = model;
    this.#pool = pool;
    this.#prompts = prompts;
    for (const [kind, layer] of layerParts(model))
      this.#arrays[`past_${kind}_${layer}`] = pool.take(slots * group * pastLength * perToken);
    this.#arrays.past_bias = pool.take(slots * pastLength).fill(masked);
  }

  /** What the decoding graph is fed. */
  get feeds(): Readonly<Record<string, Float32Array>> {
    return { ...this.#prompts.feeds, ...this.#arrays };
  }

  /** Gives the memory back; the cache is of no use afterwards. */
  release(): void {
    this.#prompts.release();
    this.#releaseOwn();
  }

  /** Puts a prompt into a slot; forgets the slot's past. */
  place(slot: number, prompt: readonly PastPart[]): void {
    const { pastLength } = this.shape;
    this.#prompts.place(slot, prompt);
    this.#array("past_bias").fill(masked, slot * pastLength, (slot + 1) * pastLength);
  }

  /** Adds the newest token of a slot's sequences, the `time`-th after the prompt, from a graph's `keys_values`. */
  append(slot: number, time: number, keysValues: Float32Array): void {
    const { group, pastLength } = this.shape;
    const { kvHeads, headSize: d } = this.#model.heads;
    for (const [kind, layer, source] of layerParts(this.#model, keysValues)) {
      const target = this.#array(`past_${kind}_${layer}`);
      for (let head = 0; head < kvHeads; head++)
        for (let g = 0; g < group; g++) {
          let from = ((slot * group + g) * kvHeads + head) * d;
          let to = (((slot * kvHeads + head) * group + g) * pastLength + time) * d;
          for (const end = from + d; from < end; ) target[to++] = source[from++] as number;
        }
    }
    this.#array("past_bias")[slot * pastLength + time] = 0;
  }

  /** A cache of another shape (same group and prompt length) that holds the given slots, in order; this one is released. */
  resize(slots: readonly number[], shape: DecodeShape): DecodeCache {
    const prompts = this.#prompts.resize(slots, shape.slots);
    const next = new DecodeCache(this.#model, shape, this.#pool, prompts);
    const { pastLength, group } = this.shape;
    const rows = this.#model.heads.kvHeads * group;
    for (const name of Object.keys(this.#arrays)) {
      const source = this.#array(name);
      const target = next.#array(name);
      const perSlot = name === "past_bias" ? 1 : rows;
      const width = source.length / (this.shape.slots * perSlot * pastLength);
      const size = Math.min(pastLength, shape.pastLength) * width;
      slots.forEach((slot, i) => {
        for (let row = 0; row < perSlot; row++) {
          const from = (slot * perSlot + row) * pastLength * width;
          target.set(source.subarray(from, from + size), (i * perSlot + row) * shape.pastLength * width);
        }
      });
    }
    this.#releaseOwn();
    return next;
  }

  #releaseOwn(): void {
    for (const array of Object.values(this.#arrays)) this.#pool.give(array);
  }

  #array(name: string): Float32Array {
    return this.#arrays[name] as Float32Array;
  }
}
