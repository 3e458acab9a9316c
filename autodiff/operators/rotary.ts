import { fail, type Op, primitive } from "../tensor.ts";
import { sameShape, type TensorType } from "../tensor_type.ts";
import { neg } from "./elementwise.ts";
import { rotationTable } from "./rotation_table.ts";

export interface RotaryAttributes {
  readonly heads: number;
  readonly theta: number;
  /** Positions are below this. */
  readonly maxPositions: number;
  /** Rotates backwards: the gradient's direction. */
  readonly inverse?: boolean;
}

/**
 * Rotary position embedding, rotate-half form: x [N, heads · d] at positions [N]. Pair (i, i + d/2) of a
 * head turns by position · theta^(-2i/d). Its gradient is the rotation by the opposite angle.
 */
export const rotary: Op<2, RotaryAttributes> = primitive(2, "Rotary", {
  infer: ([x, positions], { heads }) => {
    const [rows] = requireHeads(x, heads);
    if (positions.dtype !== "int64" || `${positions.shape}` !== `${[rows]}`)
      fail("expected one int64 position per row");
    return x;
  },
  emit: (onnx, [x, positions], { heads, theta, maxPositions, inverse = false }, [type]) => {
    const [rows, width] = type.shape as [number, number];
    const headSize = width / heads;
    const batch = onnx.node("Reshape", [x, onnx.integers([rows, 1, width])]);
    const places = onnx.node("Reshape", [positions, onnx.integers([rows, 1])]);
    const table = (name: "cos" | "sin" | "-sin"): string =>
      onnx.once(`${name} ${headSize} ${theta} ${maxPositions}`, () =>
        onnx.constant(rotationTable(name, headSize, theta, maxPositions), [maxPositions, headSize / 2]),
      );
    const tables = [table("cos"), table(inverse ? "-sin" : "sin")];
    const turned = onnx.node(
      "RotaryEmbedding",
      [batch, places, ...tables],
      { num_heads: heads, rotary_embedding_dim: 0, interleaved: 0 },
      "com.microsoft",
    );
    return onnx.node("Reshape", [turned, onnx.integers([rows, width])]);
  },
  vjp: (ct, _y, [, positions], attributes) => [
    rotary(ct, positions, { ...attributes, inverse: !attributes.inverse }),
    null,
  ],
});

/**
 * Rotary position embedding by given angles, rotate-half form: x [N, heads · d], and the cosines and sines [N, d/2] of
 * each row, in which every head turns alike. No gradient flows to the angles.
 */
export const rotaryBy: Op<3, { heads: number }> = primitive(3, "RotaryBy", {
  infer: ([x, cos, sin], { heads }) => {
    const [rows, width] = requireHeads(x, heads);
    const angles = [rows, width / heads / 2];
    if (!sameShape(cos.shape, angles) || !sameShape(sin.shape, angles))
      fail(`expected cosines and sines of shape [${angles}]`);
    return x;
  },
  emit: (onnx, [x, cos, sin], { heads }, [type]) => {
    const [rows, width] = type.shape as [number, number];
    const sequence = onnx.node("Reshape", [x, onnx.integers([1, rows, width])]);
    const start = onnx.integers([0]);
    const turned = onnx.node(
      "RotaryEmbedding",
      [sequence, start, cos, sin],
      { num_heads: heads, rotary_embedding_dim: 0, interleaved: 0 },
      "com.microsoft",
    );
    return onnx.node("Reshape", [turned, onnx.integers([rows, width])]);
  },
  vjp: (ct, _y, [, cos, sin], attributes) => [rotaryBy(ct, cos, neg(sin), attributes), null, null],
});

/** The rows and width of a matrix whose rows divide into heads of even size. */
function requireHeads({ shape }: TensorType, heads: number): readonly [rows: number, width: number] {
  const [rows, width] = shape;
  if (rows === undefined || width === undefined || shape.length !== 2) fail("expected a matrix");
  if (width % (2 * heads) !== 0) fail(`a row of ${width} does not divide into ${heads} heads of even size`);
  return [rows, width];
}
