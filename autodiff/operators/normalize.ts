import type { OnnxWriter } from "../onnx/writer.ts";
import { fail, integers, type Op, primitive, scalar, type Tensor } from "../tensor.ts";
import { sameShape, sizeOf, type TensorType } from "../tensor_type.ts";
import { add, div, exp, mul, neg, requireFloat, sqrt, sub } from "./elementwise.ts";
import { matmul } from "./linear.ts";
import { reduceMean, reduceSum } from "./reduce.ts";
import { addRows, reshape } from "./shape.ts";

const last = (x: TensorType): { axes: number[]; keepDims: true } => ({
  axes: [x.shape.length - 1],
  keepDims: true,
});

/** The type of a float tensor that has a last axis. */
function rows([x]: readonly [TensorType]): TensorType {
  return x.shape.length > 0 ? requireFloat(x) : fail("expected at least one axis");
}

/** e^x / Σ e^x over the last axis. */
export const softmax: Op<1> = primitive(1, "Softmax", {
  infer: rows,
  emit: (onnx, names) => onnx.node("Softmax", names, { axis: -1 }),
  vjp: (ct, y) => {
    const product = mul(ct, y);
    return [sub(product, mul(y, reduceSum(product, last(y))))];
  },
});

/** In one kernel, or as z - log Σ e^z with z = x - max x. */
function emitLogSoftmax(onnx: OnnxWriter, x: string): string {
  if (onnx.has("LogSoftmax")) return onnx.node("LogSoftmax", [x], { axis: -1 });
  const axes = onnx.integers([-1]);
  const centred = onnx.node("Sub", [x, onnx.node("ReduceMax", [x, axes], { keepdims: 1 })]);
  const total = onnx.node("ReduceSum", [onnx.node("Exp", [centred]), axes], { keepdims: 1 });
  return onnx.node("Sub", [centred, onnx.node("Log", [total])]);
}

/** log softmax over the last axis. */
export const logSoftmax: Op<1> = primitive(1, "LogSoftmax", {
  infer: rows,
  emit: (onnx, [x]) => emitLogSoftmax(onnx, x),
  vjp: (ct, y) => [sub(ct, mul(exp(y), reduceSum(ct, last(y))))],
});

/** Log-probability of one class per row: logits [..., V] and ids [...] (from 0) give [...]. */
export const classLogProb: Op<2> = primitive(2, "ClassLogProb", {
  infer: ([logits, ids]) => {
    rows([logits]);
    if (ids.dtype !== "int64") fail("expected int64 ids");
    if (!sameShape(ids.shape, logits.shape.slice(0, -1))) fail("expected one id per row of logits");
    return { dtype: logits.dtype, shape: ids.shape };
  },
  emit: (onnx, [logits, ids]) => {
    const column = onnx.node("Unsqueeze", [ids, onnx.integers([-1])]);
    const logProbs = emitLogSoftmax(onnx, logits);
    const picked = onnx.node("GatherElements", [logProbs, column], { axis: -1 });
    return onnx.node("Squeeze", [picked, onnx.integers([-1])]);
  },
  // g (onehot - softmax), as -g softmax with g added at the ids: a one-hot matrix costs more than all the rest.
  vjp: (ct, _y, [logits, ids]) => {
    const count = sizeOf(ids.shape);
    const classes = logits.shape.at(-1) as number;
    const flow = mul(softmax(logits), reshape(neg(ct), { shape: [...ct.shape, 1] }));
    const starts = integers(Array.from({ length: count }, (_, row) => row * classes));
    const places = add(reshape(ids, { shape: [count] }), starts);
    const flat = reshape(flow, { shape: [count * classes] });
    const sum = addRows(flat, places, reshape(ct, { shape: [count] }));
    return [reshape(sum, { shape: logits.shape }), null];
  },
});

function normType([x, ...weights]: readonly [TensorType, ...TensorType[]]): TensorType {
  for (const { dtype, shape } of weights)
    if (dtype !== x.dtype || !sameShape(shape, x.shape.slice(-1)))
      fail("a weight does not fit the last axis");
  return rows([x]);
}

/** x / √(mean x² + ε) · γ over the last axis [..., D], γ [D]. */
export const rmsNorm: Op<2, { epsilon: number }> = primitive(2, "RmsNorm", {
  infer: normType,
  emit: (onnx, names, { epsilon }) =>
    onnx.node("SimplifiedLayerNormalization", names, { axis: -1, epsilon, stash_type: 1 }),
  // p = g x: dγ = Σ r p, dx = r g γ - x r³ mean(p γ), the sums as products with a vector.
  vjp: (ct, _y, [x, gamma], { epsilon }) => {
    const width = gamma.shape[0] as number;
    const rows = sizeOf(x.shape) / width;
    const r = inverseRoot(reduceMean(mul(x, x), last(x)), epsilon);
    const p = reshape(mul(ct, x), { shape: [rows, width] });
    const means = matmul(p, reshape(gamma, { shape: [width, 1] }), { alpha: 1 / width });
    const share = mul(reshape(means, { shape: r.shape }), mul(r, mul(r, r)));
    const dx = sub(mul(mul(ct, gamma), r), mul(x, share));
    const dGamma = matmul(reshape(r, { shape: [rows, 1] }), p, { transA: true });
    return [dx, reshape(dGamma, { shape: [width] })];
  },
});

/** (x - mean) / √(variance + ε) · γ + β over the last axis [..., D]. */
export const layerNorm: Op<3, { epsilon: number }> = primitive(3, "LayerNorm", {
  infer: normType,
  emit: (onnx, names, { epsilon }) => onnx.node("LayerNormalization", names, { axis: -1, epsilon }),
  // n = (x - mean) r, h = g γ: dx = r (h - mean h - n mean(h n)), dγ = Σ g n, dβ = Σ g.
  vjp: (ct, _y, [x, gamma], { epsilon }) => {
    const centred = sub(x, reduceMean(x, last(x)));
    const r = inverseRoot(reduceMean(mul(centred, centred), last(x)), epsilon);
    const n = mul(centred, r);
    const h = mul(ct, gamma);
    const rest = sub(sub(h, reduceMean(h, last(x))), mul(n, reduceMean(mul(h, n), last(x))));
    return [mul(r, rest), mul(ct, n), ct];
  },
});

function inverseRoot(mean: Tensor, epsilon: number): Tensor {
  return div(scalar(1), sqrt(add(mean, scalar(epsilon))));
}
