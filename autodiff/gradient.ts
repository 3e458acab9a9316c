import { add } from "./operators/elementwise.ts";
import { reduceSum } from "./operators/reduce.ts";
import { concat, type PadAttributes, reshape, zeros } from "./operators/shape.ts";
import { Recomputation } from "./recompute.ts";
import { describe, formatType, ShapeError, scalar, type Tensor, topological } from "./tensor.ts";
import { sameShape } from "./tensor_type.ts";

/**
 * The gradient of a scalar with respect to each tensor of `wrt`, in their shapes: reverse mode over the
 * nodes on a path from `wrt` to `loss`, and no others. A tensor that the loss does not depend on gets zeros.
 * Where some tensors are `kept`, each of which depends on the one before, what lies between them is computed again.
 * Throws `ShapeError` for anything but float32, and where a graph input of `wrt` is in the graph a second time.
 */
export function gradient(loss: Tensor, wrt: readonly Tensor[], kept: readonly Tensor[] = []): Tensor[] {
  if (loss.shape.length > 0 || loss.dtype !== "float32")
    throw new ShapeError(`gradient of a loss of type ${formatType(loss)}: expected a float32 scalar`);
  const order = topological([loss]);
  requireVariables(wrt, order);
  const relevant = new Set<Tensor>(wrt);
  for (const x of order) {
    if (x.source.kind !== "apply" || x.source.operator.vjp === null) continue;
    if (x.source.inputs.some((i) => relevant.has(i))) relevant.add(x);
  }

  const contributions = new Map<Tensor, Tensor[]>([[loss, [scalar(1)]]]);
  const cotangents = new Map<Tensor, Tensor>();
  const forward = new Recomputation(kept, order, (x) => cotangents.get(x));
  for (const y of order.toReversed()) {
    const parts = contributions.get(y);
    if (parts === undefined || !relevant.has(y)) continue;
    const ct = sum(parts);
    cotangents.set(y, ct);
    if (y.source.kind !== "apply") continue;
    const { operator, inputs, attributes } = y.source;
    if (operator.vjp === null || !inputs.some((x) => relevant.has(x))) continue;
    const values = inputs.map((x) => forward.value(x, y));
    const flows = operator.vjp(ct, forward.value(y, y), values, attributes);
    inputs.forEach((x, i) => {
      const flow = flows[i];
      if (!flow || !relevant.has(x)) return;
      const known = contributions.get(x);
      if (known) known.push(unbroadcast(flow, x.shape));
      else contributions.set(x, [unbroadcast(flow, x.shape)]);
    });
  }
  return wrt.map((x) => cotangents.get(x) ?? zeros(x.shape));
}

/** Two inputs of one name are one value when the graph runs, but a gradient would reach only one of them. */
function requireVariables(wrt: readonly Tensor[], order: readonly Tensor[]): void {
  const named = new Map<string, Tensor>();
  for (const x of wrt) {
    if (x.dtype !== "float32")
      throw new ShapeError(`gradient with respect to ${describe(x)} ${formatType(x)}: expected float32`);
    if (x.source.kind === "input") named.set(x.source.name, x);
  }
  for (const x of order) {
    if (x.source.kind !== "input" || (named.get(x.source.name) ?? x) === x) continue;
    throw new ShapeError(`gradient with respect to "${x.source.name}", which the graph has as two tensors`);
  }
}

/** The sum of a tensor's cotangents; those of slices that tile the tensor are joined instead of padded. */
function sum(parts: readonly Tensor[]): Tensor {
  return joinTiles(parts) ?? parts.reduce((a, b) => add(a, b));
}

function joinTiles(parts: readonly Tensor[]): Tensor | null {
  const tiles = parts.map(unpad);
  if (parts.length < 2 || !tiles.every((tile) => tile !== null)) return null;
  tiles.sort((a, b) => a.start - b.start);
  const axis = (tiles[0] as Tile).axis;
  let end = 0;
  for (const { axis: other, start, piece } of tiles) {
    if (other !== axis || start !== end) return null;
    end += piece.shape[axis] as number;
  }
  const size = (parts[0] as Tensor).shape[axis];
  return end === size
    ? concat(
        tiles.map(({ piece }) => piece),
        { axis },
      )
    : null;
}

interface Tile extends PadAttributes {
  readonly piece: Tensor;
}

function unpad({ source }: Tensor): Tile | null {
  if (source.kind !== "apply" || source.operator.name !== "Pad") return null;
  return { ...(source.attributes as PadAttributes), piece: source.inputs[0] as Tensor };
}

/** Sums a cotangent over the axes along which its input was broadcast. */
function unbroadcast(ct: Tensor, shape: readonly number[]): Tensor {
  if (sameShape(ct.shape, shape)) return ct;
  const lead = ct.shape.length - shape.length;
  const axes = ct.shape
    .map((_, axis) => axis)
    .filter((axis) => axis < lead || (shape[axis - lead] === 1 && ct.shape[axis] !== 1));
  const summed = axes.length === 0 ? ct : reduceSum(ct, { axes, keepDims: false });
  return sameShape(summed.shape, shape) ? summed : reshape(summed, { shape });
}
