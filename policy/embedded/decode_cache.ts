import { masked } from "../models/attention.ts";
import type { VisionLanguageModel } from "../models/vision_language_model.ts";
import type { BufferPool } from "./buffer_pool.ts";
import type { DecodeShape } from "./graphs.ts";

/** A token's place in the cache of one layer, in the order in which graphs give keys and values. */
const kinds = ["keys", "values"] as const;
const nothing = new Float32Array();

/**
 * The caches that a decoding graph reads: per layer the keys and values of each slot's prompt
 * [slots, K, promptLength, d] and of its sequences' own past [slots, K, group, pastLength, d].
 */
export class DecodeCache {
  readonly shape: DecodeShape;
  readonly #model: VisionLanguageModel;
  readonly #pool: BufferPool;
  readonly #arrays: Record<string, Float32Array> = {};

  constructor(model: VisionLanguageModel, shape: DecodeShape, pool: BufferPool) {
    const { slots, group, promptLength, pastLength } = shape;
    const perToken = model.heads.kvHeads * model.heads.headSize;
    this.shape = shape;
    this.#model = model;
    this.#pool = pool;
    for (const [kind, layer] of this.#parts()) {
      this.#arrays[`prompt_${kind}_${layer}`] = pool.take(slots * promptLength * perToken);
      this.#arrays[`past_${kind}_${layer}`] = pool.take(slots * group * pastLength * perToken);
    }
    this.#arrays.prompt_bias = pool.take(slots * promptLength).fill(masked);
    this.#arrays.past_bias = pool.take(slots * pastLength).fill(masked);
  }

  /** What the decoding graph is fed. */
  get feeds(): Readonly<Record<string, Float32Array>> {
    return this.#arrays;
  }

  /** Gives the memory back; the cache is of no use afterwards. */
  release(): void {
    for (const array of Object.values(this.#arrays)) this.#pool.give(array);
  }

  /** Puts a prompt into a slot: rows of a graph's `keys_values`, in order; forgets the slot's past. */
  place(slot: number, keysValues: Float32Array, rows: readonly number[]): void {
    const { promptLength, pastLength } = this.shape;
    const { kvHeads, headSize: d } = this.#model.heads;
    for (const [kind, layer, source] of this.#parts(keysValues)) {
      const target = this.#array(`prompt_${kind}_${layer}`);
      for (let head = 0; head < kvHeads; head++) {
        const base = (slot * kvHeads + head) * promptLength;
        rows.forEach((row, t) => {
          const from = (row * kvHeads + head) * d;
          target.set(source.subarray(from, from + d), (base + t) * d);
        });
      }
    }
    const bias = this.#array("prompt_bias");
    bias.fill(masked, slot * promptLength, (slot + 1) * promptLength);
    bias.fill(0, slot * promptLength, slot * promptLength + rows.length);
    this.#array("past_bias").fill(masked, slot * pastLength, (slot + 1) * pastLength);
  }

  /** Adds the newest token of a slot's sequences, the `time`-th after the prompt, from a graph's `keys_values`. */
  append(slot: number, time: number, keysValues: Float32Array): void {
    const { group, pastLength } = this.shape;
    const { kvHeads, headSize: d } = this.#model.heads;
    for (const [kind, layer, source] of this.#parts(keysValues)) {
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
    const next = new DecodeCache(this.#model, shape, this.#pool);
    const { kvHeads } = this.#model.heads;
    const { group, promptLength } = shape;
    const copy = (name: string, rowsPerSlot: number, length: number, nextLength: number): void => {
      const source = this.#array(name);
      const target = next.#array(name);
      const width = source.length / (this.shape.slots * rowsPerSlot * length);
      slots.forEach((slot, i) => {
        for (let row = 0; row < rowsPerSlot; row++) {
          const from = (slot * rowsPerSlot + row) * length * width;
          const size = Math.min(length, nextLength) * width;
          target.set(source.subarray(from, from + size), (i * rowsPerSlot + row) * nextLength * width);
        }
      });
    };
    for (const name of Object.keys(this.#arrays)) {
      if (name === "prompt_bias") copy(name, 1, promptLength, promptLength);
      else if (name === "past_bias") copy(name, 1, this.shape.pastLength, shape.pastLength);
      else if (name.startsWith("prompt")) copy(name, kvHeads, promptLength, promptLength);
      else copy(name, kvHeads * group, this.shape.pastLength, shape.pastLength);
    }
    this.release();
    return next;
  }

  /** Keys and values of each layer, with their part of a graph's `keys_values`. */
  *#parts(keysValues: Float32Array = nothing): Generator<[kind: string, layer: number, rows: Float32Array]> {
    const { layers } = this.#model.config.text;
    const size = keysValues.length / (kinds.length * layers);
    for (let layer = 0; layer < layers; layer++)
      for (const [k, kind] of kinds.entries()) {
        const start = (layer * kinds.length + k) * size;
        yield [kind, layer, keysValues.subarray(start, start + size)];
      }
  }

  #array(name: string): Float32Array {
    return this.#arrays[name] as Float32Array;
  }
}
