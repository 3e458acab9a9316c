import { sizeOf } from "../../autodiff/tensor_type.ts";
import type { ParameterGroup, ParameterSpec } from "../models/vision_language_model.ts";

/** A half-open range of a flat vector. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * Where each parameter lies in one flat vector: parameters of a group stand together, so that the optimiser
 * works on whole groups and every parameter is a view that a graph reads without a copy.
 */
export class ParameterLayout {
  readonly specs: readonly ParameterSpec[];
  readonly groups: ReadonlyMap<ParameterGroup, Range>;
  readonly size: number;
  readonly #ranges = new Map<string, Range>();

  constructor(specs: readonly ParameterSpec[]) {
    const order: ParameterGroup[] = ["text", "connector", "vision"];
    this.specs = order.flatMap((group) => specs.filter((spec) => spec.group === group));
    const groups = new Map<ParameterGroup, Range>();
    let end = 0;
    for (const { name, shape, group } of this.specs) {
      const start = end;
      end += sizeOf(shape);
      this.#ranges.set(name, { start, end });
      groups.set(group, { start: groups.get(group)?.start ?? start, end });
    }
    this.groups = groups;
    this.size = end;
  }

  /** The part of a flat vector that holds one parameter. */
  view(flat: Float32Array, name: string): Float32Array {
    const range = this.#ranges.get(name);
    if (range === undefined) throw new RangeError(`no parameter is named ${name}`);
    return flat.subarray(range.start, range.end);
  }

  has(name: string): boolean {
    return this.#ranges.has(name);
  }

  /** The parameters of a flat vector with their shapes, by name. */
  arrays(flat: Float32Array): Map<string, { shape: readonly number[]; data: Float32Array }> {
    return new Map(this.specs.map(({ name, shape }) => [name, { shape, data: this.view(flat, name) }]));
  }

  /** All parameters of a flat vector as views, by name. */
  views(flat: Float32Array): Record<string, Float32Array> {
    return Object.fromEntries(this.specs.map(({ name }) => [name, this.view(flat, name)]));
  }
}
