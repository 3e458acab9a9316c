import type { OnnxWriter } from "../onnx/writer.ts";
import { fail, type Op, primitive, scalar, type Tensor } from "../tensor.ts";
import type { TensorType } from "../tensor_type.ts";
import { mul, requireFloat } from "./elementwise.ts";
import { expand, reshape } from "./shape.ts";

export interface ReduceAttributes {
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

/** The shape after reduction, with the reduced axes kept as 1 or dropped. */
function reducedType([x]: readonly [TensorType], { axes, keepDims }: ReduceAttributes): TensorType {
  requireFloat(x);
  for (const axis of axes)
    if (axis < 0 || axis >= x.shape.length) fail(`axis ${axis} is outside rank ${x.shape.length}`);
  const shape = x.shape.flatMap((n, axis) => (axes.includes(axis) ? (keepDims ? [1] : []) : [n]));
  return { dtype: x.dtype, shape };
}

/** The reduced value with its axes back as 1, so that it broadcasts against the input. */
function keepAxes(y: Tensor, x: Tensor, { axes, keepDims }: ReduceAttributes): Tensor {
  if (keepDims) return y;
  return reshape(y, { shape: x.shape.map((n, axis) => (axes.includes(axis) ? 1 : n)) });
}

/** Without axes nothing is reduced, whereas the ONNX operators would reduce all. */
const node =
  (name: string) =>
  (onnx: OnnxWriter, [x]: readonly [string], { axes, keepDims }: ReduceAttributes): string =>
    axes.length === 0 ? x : onnx.node(name, [x, onnx.integers(axes)], { keepdims: keepDims ? 1 : 0 });

/** Sums over `axes`. */
export const reduceSum: Op<1, ReduceAttributes> = primitive(1, "ReduceSum", {
  infer: reducedType,
  emit: node("ReduceSum"),
  vjp: (ct, _y, [x], attributes) => [expand(keepAxes(ct, x, attributes), { shape: x.shape })],
});

/** Means over `axes`. */
export const reduceMean: Op<1, ReduceAttributes> = primitive(1, "ReduceMean", {
  infer: reducedType,
  emit: node("ReduceMean"),
  vjp: (ct, _y, [x], attributes) => {
    const count = attributes.axes.reduce((product, axis) => product * (x.shape[axis] as number), 1);
    return [expand(mul(keepAxes(ct, x, attributes), scalar(1 / count)), { shape: x.shape })];
  },
});
