import { fail, type Op, primitive } from "../tensor.ts";

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
    const [rows, width] = x.shape;
    if (rows === undefined || width === undefined || x.shape.length !== 2) fail("expected a matrix");
    if (width % (2 * heads) !== 0) fail(`a row of ${width} does not divide into ${heads} heads of even size`);
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

/** [positions, headSize / 2], with angles in float32 as in Python's implementations. */
function rotationTable(
  name: "cos" | "sin" | "-sin",
  headSize: number,
  theta: number,
  positions: number,
): Float32Array {
  const half = headSize / 2;
  const table = new Float32Array(positions * half);
  for (let i = 0; i < half; i++) {
    const frequency = Math.fround(1 / theta ** ((2 * i) / headSize));
    for (let p = 0; p < positions; p++) {
      const angle = Math.fround(p * frequency);
      table[p * half + i] = name === "cos" ? Math.cos(angle) : Math.sin(name === "sin" ? angle : -angle);
    }
  }
  return table;
}
