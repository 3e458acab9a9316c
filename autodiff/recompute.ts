import { add, mul } from "./operators/elementwise.ts";
import { reshape, slice } from "./operators/shape.ts";
import { reapply, scalar, type Tensor } from "./tensor.ts";
import { sizeOf } from "./tensor_type.ts";

/**
 * Values that a backward pass computes a second time instead of having kept them (gradient checkpointing, 1604.06174).
 * Those that are kept, each of which depends on the one before, divide a graph into segments; all but the last segment's
 * values are recomputed from the kept one before them, and not before the cotangent of the one behind them is known:
 * otherwise nothing would keep a scheduler from recomputing everything at once.
 */
export class Recomputation {
  readonly #kept: readonly Tensor[];
  /** The number of the last kept tensor that a tensor depends on. */
  readonly #segments = new Map<Tensor, number>();
  readonly #clones = new Map<Tensor, Tensor>();
  readonly #cotangent: (x: Tensor) => Tensor | undefined;

  /** Of a graph in topological order; `cotangent` gives what is known so far. */
  constructor(
    kept: readonly Tensor[],
    order: readonly Tensor[],
    cotangent: (x: Tensor) => Tensor | undefined,
  ) {
    this.#kept = kept;
    this.#cotangent = cotangent;
    const numbers = new Map(kept.map((x, i) => [x, i]));
    for (const x of order) {
      if (x.source.kind !== "apply") continue;
      const segment = Math.max(...x.source.inputs.map((y) => numbers.get(y) ?? this.#segments.get(y) ?? -1));
      if (segment >= 0) this.#segments.set(x, segment);
    }
  }

  /** A value as the backward of `y` reads it, which is `y` itself or one of its inputs. */
  value(x: Tensor, y: Tensor): Tensor {
    const segment = this.#segments.get(y);
    const behind = segment === undefined ? undefined : this.#kept[segment + 1];
    const cotangent = behind && this.#cotangent(behind);
    return segment === undefined || cotangent === undefined ? x : this.#clone(x, segment, cotangent);
  }

  #clone(x: Tensor, segment: number, cotangent: Tensor): Tensor {
    const start = x === this.#kept[segment];
    if (!start && (x.source.kind !== "apply" || this.#segments.get(x) !== segment)) return x;
    const known = this.#clones.get(x);
    if (known) return known;
    const clone =
      start || x.source.kind !== "apply"
        ? after(x, cotangent)
        : reapply(
            x.source,
            x.source.inputs.map((y) => this.#clone(y, segment, cotangent)),
          );
    this.#clones.set(x, clone);
    return clone;
  }
}

/** x, which cannot be computed before `y` is. */
function after(x: Tensor, y: Tensor): Tensor {
  const flat = reshape(y, { shape: [sizeOf(y.shape)] });
  const nothing = mul(reshape(slice(flat, { axis: 0, start: 0, end: 1 }), { shape: [] }), scalar(0));
  return add(x, nothing);
}
