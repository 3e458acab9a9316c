import { add } from "./operators/elementwise.ts";
import { reduceSum } from "./operators/reduce.ts";
import { reshape } from "./operators/shape.ts";
import { ShapeError, sameShape, scalar, type Tensor, topological, zeros } from "./tensor.ts";

/**
 * The gradient of a scalar with respect to each tensor of `wrt`, in their shapes: reverse mode over the
 * nodes on a path from `wrt` to `loss`, and no others. A tensor that the loss does not depend on gets zeros.
 */
export function gradient(loss: Tensor, wrt: readonly Tensor[]): Tensor[] {
  if (loss.shape.length > 0)
    throw new ShapeError(`gradient of a loss of shape [${loss.shape.join(", ")}]: expected a scalar`);
  const order = topological([loss]);
  const relevant = new Set<Tensor>(wrt);
  for (const x of order) {
    if (x.source.kind === "apply" && x.source.inputs.some((i) => relevant.has(i))) relevant.add(x);
  }

  const cotangents = new Map<Tensor, Tensor>();
  if (relevant.has(loss)) cotangents.set(loss, scalar(1));
  for (const y of order.reverse()) {
    const ct = cotangents.get(y);
    if (ct === undefined || y.source.kind !== "apply") continue;
    const { operator, inputs, attributes } = y.source;
    if (!inputs.some((x) => relevant.has(x))) continue;
    if (operator.vjp === null) continue;
    const flows = operator.vjp(ct, y, inputs, attributes);
    inputs.forEach((x, i) => {
      const flow = flows[i];
      if (!flow || !relevant.has(x)) return;
      const own = unbroadcast(flow, x.shape);
      const before = cotangents.get(x);
      cotangents.set(x, before === undefined ? own : add(before, own));
    });
  }
  return wrt.map((x) => cotangents.get(x) ?? zeros(x.shape));
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
