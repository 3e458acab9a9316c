import type { OnnxWriter } from "../onnx/writer.ts";
import { fail, type Op, primitive, type Rules, scalar, type Tensor } from "../tensor.ts";
import type { DType, TensorType } from "../tensor_type.ts";

type Pair<T> = readonly [T, T];

/** NumPy broadcasting of two types. */
export function broadcast([a, b]: Pair<TensorType>): TensorType {
  if (a.dtype !== b.dtype) fail(`element types differ`);
  const rank = Math.max(a.shape.length, b.shape.length);
  const shape = Array.from({ length: rank }, (_, i) => {
    const m = a.shape[i - rank + a.shape.length] ?? 1;
    const n = b.shape[i - rank + b.shape.length] ?? 1;
    if (m !== n && m !== 1 && n !== 1) fail(`sizes ${m} and ${n} of axis ${i - rank} do not broadcast`);
    return m === 1 ? n : m;
  });
  return { dtype: a.dtype, shape };
}

function comparison(inputs: Pair<TensorType>): TensorType {
  return { dtype: "bool", shape: broadcast(inputs).shape };
}

export function requireFloat(x: TensorType): TensorType {
  return x.dtype === "float32" || x.dtype === "float16" ? x : fail("expected a float tensor");
}

const float = ([x]: readonly [TensorType]): TensorType => requireFloat(x);

function arithmetic(inputs: Pair<TensorType>): TensorType {
  const type = broadcast(inputs);
  return type.dtype === "bool" ? fail("expected numbers") : type;
}

/** An operator on the same elements of each input, which is ONNX's of that name unless `emit` says otherwise. */
function elementwiseOp<N extends number>(
  arity: N,
  name: string,
  rules: Pick<Rules<N, undefined>, "infer" | "vjp"> & Partial<Pick<Rules<N, undefined>, "emit">>,
): Op<N> {
  const { emit = (onnx: OnnxWriter, names: readonly string[]) => onnx.node(name, names) } = rules;
  return primitive<N>(arity, name, { ...rules, emit, memory: "elementwise" });
}

export const add: Op<2> = elementwiseOp(2, "Add", {
  infer: arithmetic,
  vjp: (ct) => [ct, ct],
});

export const sub: Op<2> = elementwiseOp(2, "Sub", {
  infer: arithmetic,
  vjp: (ct) => [ct, neg(ct)],
});

export const mul: Op<2> = elementwiseOp(2, "Mul", {
  infer: arithmetic,
  vjp: (ct, _y, [a, b]) => [mul(ct, b), mul(ct, a)],
});

export const div: Op<2> = elementwiseOp(2, "Div", {
  infer: arithmetic,
  vjp: (ct, y, [, b]) => {
    const da = div(ct, b);
    return [da, neg(mul(da, y))];
  },
});

/** The smaller of two; where both are equal the gradient goes to the first. */
export const minimum: Op<2> = elementwiseOp(2, "Min", {
  infer: arithmetic,
  vjp: (ct, _y, [a, b]) => split(ct, greater(a, b)),
});

/** The larger of two; where both are equal the gradient goes to the first. */
export const maximum: Op<2> = elementwiseOp(2, "Max", {
  infer: arithmetic,
  vjp: (ct, _y, [a, b]) => split(ct, greater(b, a)),
});

function split(ct: Tensor, second: Tensor): [Tensor, Tensor] {
  const none = scalar(0);
  return [where(second, none, ct), where(second, ct, none)];
}

/** a > b, as bool. */
export const greater: Op<2> = elementwiseOp(2, "Greater", {
  infer: comparison,
  vjp: null,
});

/** b where a holds, else c. */
export const where: Op<3> = elementwiseOp(3, "Where", {
  infer: ([condition, a, b]) => {
    if (condition.dtype !== "bool") fail("expected a bool condition");
    const { dtype, shape } = arithmetic([a, b]);
    return { dtype, shape: broadcast([condition, { dtype: "bool", shape }]).shape };
  },
  vjp: (ct, _y, [condition]) => [null, where(condition, ct, scalar(0)), where(condition, scalar(0), ct)],
});

export const neg: Op<1> = elementwiseOp(1, "Neg", { infer: float, vjp: (ct) => [neg(ct)] });

export const exp: Op<1> = elementwiseOp(1, "Exp", {
  infer: float,
  vjp: (ct, y) => [mul(ct, y)],
});

export const log: Op<1> = elementwiseOp(1, "Log", {
  infer: float,
  vjp: (ct, _y, [x]) => [div(ct, x)],
});

export const sqrt: Op<1> = elementwiseOp(1, "Sqrt", {
  infer: float,
  vjp: (ct, y) => [div(mul(ct, scalar(0.5)), y)],
});

/** y' = y (1 - y). */
export const sigmoid: Op<1> = elementwiseOp(1, "Sigmoid", {
  infer: float,
  vjp: (ct, y) => [mul(ct, sub(y, mul(y, y)))],
});

/** y' = 1 - y². */
export const tanh: Op<1> = elementwiseOp(1, "Tanh", {
  infer: float,
  vjp: (ct, y) => [mul(ct, sub(scalar(1), mul(y, y)))],
});

/** y' = 2/√π e^(-x²). */
export const erf: Op<1> = elementwiseOp(1, "Erf", {
  infer: float,
  vjp: (ct, _y, [x]) => [mul(ct, mul(scalar(2 / Math.sqrt(Math.PI)), exp(neg(mul(x, x)))))],
});

/** x σ(x), with the vectorised kernel of σ; its gradient σ(x) (1 + x - y) shares σ. */
export const silu: Op<1> = elementwiseOp(1, "Silu", {
  infer: float,
  emit: (onnx, [x]) => onnx.node("Mul", [x, onnx.node("Sigmoid", [x])]),
  vjp: (ct, y, [x]) => [mul(ct, mul(sigmoid(x), sub(add(x, scalar(1)), y)))],
});

const cubic = 0.044715;
const slope = Math.sqrt(2 / Math.PI);

/** GELU in its tanh form, ½ x (1 + t) with t = tanh(√(2/π) (x + 0.044715 x³)), in one kernel. */
export const geluTanh: Op<1> = elementwiseOp(1, "GeluTanh", {
  infer: float,
  emit: (onnx, names) => onnx.node("Gelu", names, { approximate: "tanh" }),
  vjp: (ct, _y, [x]) => {
    // With σ = (1 + t) / 2 = sigmoid(2u): y' = σ (1 + 2 x (1 - σ) u').
    const square = mul(x, x);
    const gate = sigmoid(mul(x, add(mul(square, scalar(2 * slope * cubic)), scalar(2 * slope))));
    const inner = add(mul(square, scalar(6 * slope * cubic)), scalar(2 * slope));
    const rest = mul(mul(x, inner), sub(scalar(1), gate));
    return [mul(ct, mul(gate, add(rest, scalar(1))))];
  },
});

/** GELU in its exact form, x Φ(x). */
export const gelu: Op<1> = elementwiseOp(1, "Gelu", {
  infer: float,
  emit: (onnx, names) => onnx.node("Gelu", names, { approximate: "none" }),
  vjp: (ct, _y, [x]) => {
    const phi = mul(scalar(0.5), add(scalar(1), erf(mul(x, scalar(Math.SQRT1_2)))));
    const density = mul(scalar(1 / Math.sqrt(2 * Math.PI)), exp(mul(scalar(-0.5), mul(x, x))));
    return [mul(ct, add(phi, mul(x, density)))];
  },
});

/** Converts the element type. Gradients flow between float types. */
export const cast: Op<1, { to: DType }> = primitive(1, "Cast", {
  infer: ([x], { to }) => ({ dtype: to, shape: x.shape }),
  emit: (onnx, names, { to }) => onnx.node("Cast", names, { to: onnx.dtype(to) }),
  vjp: (ct, _y, [x]) => [x.dtype === "float32" || x.dtype === "float16" ? cast(ct, { to: x.dtype }) : null],
});

/** The same value, through which no gradient flows. */
export const stopGradient: Op<1> = primitive(1, "StopGradient", {
  infer: ([x]) => x,
  emit: (_onnx, [name]) => name,
  vjp: null,
  memory: "view",
});
