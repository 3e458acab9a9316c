import type { DecodeShape } from "./graphs.ts";
import { masked } from "./models/attention.ts";
import type { SmolVlm } from "./models/smolvlm.ts";

/** Keys or values of consecutive tokens as a graph gives them, [rows, kvHeads · headSize], per layer. */
export interface KeyValueRows {
  readonly keys: readonly Float32Array[];
  readonly values: readonly Float32Array[];
}

/**
 * The caches that a decoding graph reads: per layer the keys and values of each slot's prompt
 * [slots, K, promptLength, d] and of its sequences' own past [slots, K, group, pastLength, d].
 */
export class DecodeCache {
  readonly shape: DecodeShape;
  readonly #model: SmolVlm;
  readonly #arrays: Record<string, Float32Array> = {};

  constructor(model: SmolVlm, shape: DecodeShape) {
    const { slots, group, promptLength, pastLength } = shape;
    const perToken = model.heads.kvHeads * model.heads.headSize;
    this.shape = shape;
    this.#model = model;
    for (let layer = 0; layer < model.config.text.layers; layer++)
      for (const kind of ["keys", "values"]) {
        this.#arrays[`prompt_${kind}_${layer}`] = new Float32Array(slots * promptLength * perToken);
        this.#arrays[`past_${kind}_${layer}`] = new Float32Array(slots * group * pastLength * perToken);
      }
    this.#arrays.prompt_bias = new Float32Array(slots * promptLength).fill(masked);
    this.#arrays.past_bias = new Float32Array(slots * pastLength).fill(masked);
  }

  /** What the decoding graph is fed. */
  get feeds(): Readonly<Record<string, Float32Array>> {
    return this.#arrays;
  }

  /** Puts a prompt into a slot: rows of prefilled keys and values, in order; forgets the slot's past. */
  place(slot: number, cache: KeyValueRows, rows: readonly number[]): void {
    const { promptLength, pastLength } = this.shape;
    const { kvHeads, headSize: d } = this.#model.heads;
    for (let layer = 0; layer < cache.keys.length; layer++)
      for (const kind of ["keys", "values"] as const) {
        const source = cache[kind][layer] as Float32Array;
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

  /** Adds the newest token of a slot's sequences, the `time`-th after the prompt. */
  append(slot: number, time: number, cache: KeyValueRows): void {
    const { group, pastLength } = this.shape;
    const { kvHeads, headSize: d } = this.#model.heads;
    for (let layer = 0; layer < cache.keys.length; layer++)
      for (const kind of ["keys", "values"] as const) {
        const source = cache[kind][layer] as Float32Array;
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

  /** A cache of another shape (same group and prompt length) that holds the given slots, in order. */
  resized(slots: readonly number[], shape: DecodeShape): DecodeCache {
    const next = new DecodeCache(this.#model, shape);
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
    return next;
  }

  #array(name: string): Float32Array {
    return this.#arrays[name] as Float32Array;
  }
}
