import type { OnnxWriter } from "../onnx/writer.ts";
import { fail, type Op, primitive, scalar, type Tensor } from "../tensor.ts";
import { sameShape, sizeOf, type TensorType } from "../tensor_type.ts";
import { broadcast, mul, requireFloat } from "./elementwise.ts";
import { reshape, transpose } from "./shape.ts";

export interface MatmulAttributes {
  readonly transA?: boolean;
  readonly transB?: boolean;
  /** Multiplies the product (default 1). */
  readonly alpha?: number;
}

/** alpha · op(A) op(B) over the last two axes, the axes before them broadcast. */
export const matmul: Op<2, MatmulAttributes> = primitive(2, "MatMul", {
  infer: ([a, b], { transA, transB }) => {
    if (a.shape.length < 2 || b.shape.length < 2) fail("expected matrices");
    requireFloat(a);
    const [m, k] = lastTwo(a, transA);
    const [k2, n] = lastTwo(b, transB);
    if (k !== k2) fail(`inner sizes ${k} and ${k2} differ`);
    const batch = (x: TensorType): TensorType => ({ dtype: x.dtype, shape: x.shape.slice(0, -2) });
    const { dtype, shape } = broadcast([batch(a), batch(b)]);
    return { dtype, shape: [...shape, m, n] };
  },
  emit: (onnx, names, attributes, types) => {
    const { transA = false, transB = false, alpha = 1 } = attributes;
    if (!transA && !transB && alpha === 1) return onnx.node("MatMul", names);
    if (!onnx.has("FusedMatMul")) return emitUnfused(onnx, names, attributes, types);
    const fused = { transA: Number(transA), transB: Number(transB), alpha };
    return onnx.node("FusedMatMul", names, fused, "com.microsoft");
  },
  vjp: (ct, _y, [a, b], attributes) => productFlows(ct, a, b, attributes),
});

/** c + alpha · op(A) op(B) for matrices A and B, and c of the product's shape, in one pass over it. */
export const matmulAdd: Op<3, MatmulAttributes> = primitive(3, "Gemm", {
  infer: ([a, b, c], { transA, transB }) => {
    if (a.shape.length !== 2 || b.shape.length !== 2) fail("expected matrices");
    requireFloat(a);
    const [m, k] = lastTwo(a, transA);
    const [k2, n] = lastTwo(b, transB);
    if (k !== k2) fail(`inner sizes ${k} and ${k2} differ`);
    if (a.dtype !== b.dtype || a.dtype !== c.dtype) fail("expected tensors of one type");
    if (!sameShape(c.shape, [m, n])) fail(`expected what is added to be [${m}, ${n}]`);
    return { dtype: a.dtype, shape: [m, n] };
  },
  emit: (onnx, names, { transA = false, transB = false, alpha = 1 }) =>
    onnx.node("Gemm", names, { transA: Number(transA), transB: Number(transB), alpha }),
  vjp: (ct, _y, [a, b], attributes) => [...productFlows(ct, a, b, attributes), ct],
});

/** Cotangents of the factors of a product. */
function productFlows(
  ct: Tensor,
  a: Tensor,
  b: Tensor,
  { transA = false, transB = false, alpha = 1 }: MatmulAttributes,
): [Tensor, Tensor] {
  const flowToA = transA
    ? matmul(b, ct, { transA: transB, transB: true, alpha })
    : matmul(ct, b, { transB: !transB, alpha });
  if (b.shape.length === 2 && !transA) return [flowToA, flowToShared(asRows(a), asRows(ct), transB, alpha)];
  return [
    flowToA,
    transB
      ? matmul(ct, a, { transA: true, transB: transA, alpha })
      : matmul(a, ct, { transA: !transA, alpha }),
  ];
}

/**
 * The cotangent alpha · aᵀ ct of a matrix that all rows share, or its transpose: one product over all rows, not a sum
 * of products. The narrower factor is transposed beforehand, at once for all products that read it: a product that
 * transposes a factor itself does so in small pieces, and takes half as long again.
 */
function flowToShared(a: Tensor, ct: Tensor, transposes: boolean, alpha: number): Tensor {
  const turn = (x: Tensor): Tensor => transpose(x, { perm: [1, 0] });
  const turnsA = (a.shape[1] as number) <= (ct.shape[1] as number);
  const product = turnsA ? matmul(turn(a), ct, { alpha }) : matmul(turn(ct), a, { alpha });
  return turnsA === transposes ? turn(product) : product;
}

/** The same in standard operators: Gemm for two matrices, else Transpose, MatMul and Mul. */
function emitUnfused(
  onnx: OnnxWriter,
  [a, b]: readonly [string, string],
  { transA = false, transB = false, alpha = 1 }: MatmulAttributes,
  [typeA, typeB]: readonly [TensorType, TensorType],
): string {
  if (typeA.shape.length === 2 && typeB.shape.length === 2)
    return onnx.node("Gemm", [a, b], { transA: Number(transA), transB: Number(transB), alpha });
  const left = transA ? emitTranspose(onnx, a, typeA) : a;
  const right = transB ? emitTranspose(onnx, b, typeB) : b;
  const product = onnx.node("MatMul", [left, right]);
  if (alpha === 1) return product;
  return onnx.node("Mul", [product, onnx.constant(Float32Array.of(alpha), [])]);
}

function emitTranspose(onnx: OnnxWriter, name: string, { shape }: TensorType): string {
  const axes = shape.map((_, axis) => axis);
  return onnx.node("Transpose", [name], { perm: [...axes.slice(0, -2), axes.length - 1, axes.length - 2] });
}

function asRows(x: Tensor): Tensor {
  if (x.shape.length === 2) return x;
  const width = x.shape.at(-1) as number;
  return reshape(x, { shape: [sizeOf(x.shape) / width, width] });
}

function lastTwo({ shape }: TensorType, transposed = false): [number, number] {
  const [rows, columns] = shape.slice(-2) as [number, number];
  return transposed ? [columns, rows] : [rows, columns];
}

/** x scaled by a number. */
export function scale(x: Tensor, factor: number): Tensor {
  return factor === 1 ? x : mul(x, scalar(factor));
}
