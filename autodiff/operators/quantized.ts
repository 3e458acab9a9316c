import { fail, type Op, primitive } from "../tensor.ts";
import { sameShape, type TensorType } from "../tensor_type.ts";

/** Steps from 0 to a row's greatest magnitude. */
const steps = 127;
/** What stands for 0 among unsigned bytes, so that as many steps have room below it as above. */
const zeroPoint = 128;
/** ONNX's number of unsigned bytes. */
const uint8 = 2;

/** The step of each row of a matrix [out, in] of which `steps` reach its greatest magnitude, [out]. */
export const rowSteps: Op<1, { steps: number }> = primitive(1, "RowSteps", {
  infer: ([x]) => ({ dtype: "float32", shape: [requireMatrix(x).shape[0] as number] }),
  emit: (onnx, [x], { steps }) => {
    const greatest = onnx.node("ReduceMax", [onnx.node("Abs", [x]), onnx.integers([1])], { keepdims: 0 });
    return onnx.node("Mul", [greatest, onnx.constant(Float32Array.of(1 / steps), [])]);
  },
  vjp: null,
});

/** A matrix [out, in] in whole steps of its rows [out], as bytes in the order in which `quantizedMatmul` reads them, [in, out]. */
export const toBytes: Op<2> = primitive(2, "ToBytes", {
  infer: ([x, size]) => {
    const [rows, columns] = requireMatrix(x).shape as [number, number];
    if (size.dtype !== "float32" || !sameShape(size.shape, [rows])) fail(`expected ${rows} steps`);
    return { dtype: "int8", shape: [columns, rows] };
  },
  emit: (onnx, [x, size]) => {
    const bytes = onnx.node("QuantizeLinear", [x, size], { axis: 0, output_dtype: onnx.dtype("int8") });
    return onnx.node("Transpose", [bytes], { perm: [1, 0] });
  },
  vjp: null,
});

function requireMatrix(x: TensorType): TensorType {
  return x.dtype === "float32" && x.shape.length === 2 ? x : fail("expected a float32 matrix");
}

/**
 * x W for x [N, in] and a matrix of bytes [in, out] whose columns count in `sizes` [out] as `rowSteps` gives them. Each row of x is
 * rounded to bytes by its own greatest magnitude, and sums of bytes are exact: what a row gives depends on no other row, nor
 * on how the work is shared out. A row that holds what is not finite gives that; one of zeros gives zeros.
 */
export const quantizedMatmul: Op<3> = primitive(3, "QuantizedMatMul", {
  infer: ([x, weight, sizes]) => {
    if (x.dtype !== "float32" || weight.dtype !== "int8" || sizes.dtype !== "float32")
      fail("expected float32 rows, an int8 matrix and float32 steps");
    if (x.shape.length !== 2 || weight.shape.length !== 2) fail("expected matrices");
    const [rows, inner] = x.shape as [number, number];
    const [height, width] = weight.shape as [number, number];
    if (inner !== height) fail(`inner sizes ${inner} and ${height} differ`);
    if (!sameShape(sizes.shape, [width])) fail(`expected ${width} steps`);
    return { dtype: "float32", shape: [rows, width] };
  },
  emit: (onnx, [x, weight, sizes], _attributes, [{ shape }]) => {
    const [rows] = shape as [number, number];
    const bytes = (...size: number[]): string =>
      onnx.once(`zero points [${size}]`, () => {
        const points = new Float32Array(size[0] ?? 1).fill(zeroPoint);
        return onnx.node("Cast", [onnx.constant(points, size)], { to: uint8 });
      });
    const greatest = onnx.node("ReduceMax", [onnx.node("Abs", [x]), onnx.integers([1])], { keepdims: 0 });
    const step = onnx.node("Mul", [greatest, onnx.constant(Float32Array.of(1 / steps), [])]);
    const rounded = onnx.node("QuantizeLinear", [x, step, bytes(rows)], { axis: 0 });
    const one = onnx.constant(Float32Array.of(1), []);
    const factors = [rounded, weight, one, sizes, bytes()];
    const product = onnx.node("MatMulIntegerToFloat", factors, {}, "com.microsoft");
    return onnx.node("Mul", [product, onnx.node("Reshape", [step, onnx.integers([rows, 1])])]);
  },
  vjp: null,
});
