import type { OnnxWriter } from "../onnx/writer.ts";
import { fail, type Op, primitive } from "../tensor.ts";
import { sameShape, type TensorType } from "../tensor_type.ts";

/** ONNX's number of 64-bit floats, in which masses are summed. */
const double = 11;
/** A draw stays below all of a mass by this share of it: rounding leads nowhere beyond its end. */
const margin = 2 ** -20;
const mostInBlock = 128;

/** The most classes of a block, of which `classes` are a whole number. */
export function blockSize(classes: number): number {
  let size = Math.min(mostInBlock, classes);
  while (classes % size !== 0) size--;
  return size;
}

/**
 * For each row of masses [N, V] the class at which its running sum passes a share of its whole, [N]: a draw. `shares` [N, 2]
 * are numbers in [0, 1) as a 32-bit float and what it lacks. First a block of classes is found and then the class in it, so
 * that only sums are walked along.
 */
export const drawClass: Op<2> = primitive(2, "DrawClass", {
  infer: ([masses, shares]) => {
    const [rows] = requireRows(masses);
    if (shares.dtype !== "float32" || !sameShape(shares.shape, [rows, 2]))
      fail(`expected shares of shape [${rows}, 2]`);
    return { dtype: "int64", shape: [rows] };
  },
  emit: (onnx, [masses, shares], _attributes, [type]) => {
    const [rows, classes] = type.shape as [number, number];
    const size = blockSize(classes);
    const blocks = onnx.node("Reshape", [masses, onnx.integers([rows, classes / size, size])]);
    const sums = asDouble(onnx, onnx.node("ReduceSum", [blocks, onnx.integers([2])], { keepdims: 0 }));
    const share = onnx.node("ReduceSum", [asDouble(onnx, shares), onnx.integers([1])], { keepdims: 1 });
    const running = onnx.node("CumSum", [sums, onnx.integers([1])]);
    const wanted = onnx.node("Mul", [share, lastOf(onnx, running)]);
    const block = passedAt(onnx, running, wanted);
    const before = onnx.node("Concat", [zeros(onnx, rows), running], { axis: 1 });
    const rest = onnx.node("Sub", [wanted, onnx.node("GatherElements", [before, block], { axis: 1 })]);
    const chosen = onnx.node("GatherND", [blocks, block], { batch_dims: 1 });
    const place = passedAt(onnx, onnx.node("CumSum", [asDouble(onnx, chosen), onnx.integers([1])]), rest);
    const column = onnx.node("Add", [onnx.node("Mul", [block, onnx.integers([size])]), place]);
    return onnx.node("Reshape", [column, onnx.integers([rows])]);
  },
  vjp: null,
});

/** The class of each row [N, V] that has most, the first of equals, [N]. */
export const bestClass: Op<1> = primitive(1, "BestClass", {
  infer: ([x]) => ({ dtype: "int64", shape: [requireRows(x)[0]] }),
  emit: (onnx, [x]) => onnx.node("ArgMax", [x], { axis: 1, keepdims: 0, select_last_index: 0 }),
  vjp: null,
});

/** One class of each row [N, V], by its number [N]. */
export const pickClass: Op<2> = primitive(2, "PickClass", {
  infer: ([x, ids]) => {
    const [rows] = requireRows(x);
    if (ids.dtype !== "int64" || !sameShape(ids.shape, [rows])) fail("expected one int64 id per row");
    return { dtype: x.dtype, shape: [rows] };
  },
  emit: (onnx, [x, ids]) => {
    const column = onnx.node("Unsqueeze", [ids, onnx.integers([-1])]);
    return onnx.node("Squeeze", [onnx.node("GatherElements", [x, column], { axis: 1 }), onnx.integers([-1])]);
  },
  vjp: null,
});

function requireRows({ dtype, shape }: TensorType): [rows: number, classes: number] {
  const [rows, classes] = shape;
  if (dtype !== "float32" || rows === undefined || classes === undefined || shape.length !== 2)
    fail("expected a float32 matrix");
  return [rows, classes];
}

function asDouble(onnx: OnnxWriter, x: string): string {
  return onnx.node("Cast", [x], { to: double });
}

function zeros(onnx: OnnxWriter, rows: number): string {
  return asDouble(onnx, onnx.constant(new Float32Array(rows), [rows, 1]));
}

/** The last column of running sums. */
function lastOf(onnx: OnnxWriter, running: string): string {
  const [start, end, axis] = [[-1], [Number.MAX_SAFE_INTEGER], [1]].map((values) => onnx.integers(values));
  return onnx.node("Slice", [running, start as string, end as string, axis as string]);
}

/** How many of a row's running sums a mass reaches, [N, 1]: where it is passed. */
function passedAt(onnx: OnnxWriter, running: string, mass: string): string {
  const most = onnx.node("Mul", [
    lastOf(onnx, running),
    asDouble(onnx, onnx.constant(Float32Array.of(1 - margin), [])),
  ]);
  const reached = onnx.node("LessOrEqual", [running, onnx.node("Min", [mass, most])]);
  const count = onnx.node("Cast", [reached], { to: onnx.dtype("int64") });
  return onnx.node("ReduceSum", [count, onnx.integers([1])], { keepdims: 1 });
}
