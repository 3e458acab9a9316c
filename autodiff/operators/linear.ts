import { fail, type Op, primitive, scalar, sizeOf, type Tensor, type TensorType } from "../tensor.ts";
import { broadcast, mul, requireFloat } from "./elementwise.ts";
import { reshape } from "./shape.ts";

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
  emit: (onnx, names, { transA = false, transB = false, alpha = 1 }) =>
    !transA && !transB && alpha === 1
      ? onnx.node("MatMul", names)
      : onnx.node(
          "FusedMatMul",
          names,
          { transA: Number(transA), transB: Number(transB), alpha },
          "com.microsoft",
        ),
  vjp: (ct, _y, [a, b], { transA = false, transB = false, alpha = 1 }) => {
    // The gradient of a matrix that a batch shares is one product over all rows, not a sum of products.
    const shared = b.shape.length === 2 && !transA;
    const [rowsA, rowsCt] = shared ? [asRows(a), asRows(ct)] : [a, ct];
    return [
      transA
        ? matmul(b, ct, { transA: transB, transB: true, alpha })
        : matmul(ct, b, { transB: !transB, alpha }),
      transB
        ? matmul(rowsCt, rowsA, { transA: true, transB: transA, alpha })
        : matmul(rowsA, rowsCt, { transA: !transA, alpha }),
    ];
  },
});

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
