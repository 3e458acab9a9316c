import { describe, expect, test } from "vitest";
import { gradient } from "../../autodiff/gradient.ts";
import { emit, Session } from "../../autodiff/onnx/session.ts";
import * as operators from "../../autodiff/operators/index.ts";
import {
  constant,
  fail,
  input,
  integers,
  primitive,
  ShapeError,
  scalar,
  type Tensor,
} from "../../autodiff/tensor.ts";
import type { TensorData } from "../../autodiff/tensor_type.ts";
import { total } from "./check.ts";

const { add, concat, gather, greater, matmul, mul, neg, pad, reduceSum, replaceRows } = operators;
const x = input("x", [2, 3]);
const w = input("w", [4, 5]);
const ids = input("ids", [2], "int64");
const x2 = input("x2", [2, 2]);
const square = input("square", [2, 2], "int64");

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(ShapeError);
    return (error as Error).message;
  }
  return expect.fail("nothing was thrown");
}

describe("a graph that cannot be", () => {
  test("is refused with the operator, the inputs' names and their types", () => {
    expect(messageOf(() => matmul(x, w, { transB: true }))).toBe(
      'MatMul("x" float32[2, 3], "w" float32[4, 5]) with {"transB":true}: inner sizes 3 and 5 differ',
    );
    expect(messageOf(() => add(x, input("y", [2, 2])))).toBe(
      'Add("x" float32[2, 3], "y" float32[2, 2]): sizes 3 and 2 of axis -1 do not broadcast',
    );
  });

  test("names the nearest input behind computed tensors, and tells constants", () => {
    const hidden = operators.reshape(matmul(mul(x, scalar(2)), input("v", [3, 4]), {}), { shape: [8] });
    expect(messageOf(() => add(hidden, integers([1])))).toBe(
      'Add(Reshape after "v" float32[8], constant int64[1]): element types differ',
    );
    const nameless = neg(scalar(1));
    expect(messageOf(() => concat([nameless, x], { axis: 0 }))).toMatch(/^Concat\(Neg float32\[\], "x"/);
  });

  test.each<[string, () => Tensor]>([
    ["expected matrices", () => matmul(x, input("v", [3]), {})],
    ["expected a float tensor", () => matmul(square, square, {})],
    ["expected a float tensor", () => operators.exp(ids)],
    ["expected a float tensor", () => reduceSum(ids, { axes: [0], keepDims: false })],
    ["expected numbers", () => add(greater(x, x), greater(x, x))],
    ["expected a bool condition", () => operators.where(x, x, x)],
    ["element types differ", () => operators.where(greater(x, x), x, ids)],
    ["axis 2 is outside rank 2", () => reduceSum(x, { axes: [2], keepDims: true })],
    ["axis -1 is outside rank 2", () => reduceSum(x, { axes: [-1], keepDims: true })],
    ["axis -1 is outside rank 2", () => concat([x, x], { axis: -1 })],
    ["inputs may differ only along axis 1", () => concat([x, w], { axis: 1 })],
    ["expected at least one input", () => concat([], { axis: 0 })],
    ["[2, 4) is outside [0, 3)", () => operators.slice(x, { axis: 1, start: 2, end: 4 })],
    ["[1, 1) is outside [0, 3)", () => operators.slice(x, { axis: 1, start: 1, end: 1 })],
    ["[3, 6) is outside [0, 5)", () => pad(x, { axis: 1, start: 3, size: 5 })],
    ["[4,2] is no shape of 6 elements", () => operators.reshape(x, { shape: [4, 2] })],
    ["[-3,-2] is no shape of 6 elements", () => operators.reshape(x, { shape: [-3, -2] })],
    ["perm is not a permutation of rank 2", () => operators.transpose(x, { perm: [0, 0] })],
    ["sizes do not broadcast", () => operators.expand(x, { shape: [2, 6] })],
    ["expected an int64 index", () => gather(x, x, { unique: true })],
    ["expected at least one axis", () => gather(scalar(1), ids, { unique: true })],
    ["rows do not fit index and x", () => replaceRows(x, ids, input("rows", [2, 4]))],
    ["rows do not fit index and x", () => operators.addRows(x, ids, input("rows", [3, 3]))],
    ["expected at least one axis", () => operators.softmax(scalar(1))],
    ["expected one id per row of logits", () => operators.classLogProb(w, ids)],
    ["a weight does not fit the last axis", () => operators.rmsNorm(x, input("g", [2]), { epsilon: 1 })],
    ["expected one int64 position per row", () => operators.rotary(input("r", [4, 6]), ids, rotation(1))],
    ["a row of 5 does not divide into 2 heads of even size", () => operators.rotary(w, ids, rotation(2))],
    ["expected cosines and sines of shape [2,2]", () => operators.rotaryBy(turnable, x, x, { heads: 1 })],
  ])("%s", (reason, build) => {
    expect(messageOf(build)).toContain(`: ${reason}`);
  });

  test("a constant must fill its shape", () => {
    expect(messageOf(() => constant(new Float32Array(5), [2, 3]))).toBe(
      "constant of 5 elements cannot have shape [2, 3]",
    );
  });
});

const turnable = input("turnable", [2, 4]);
const rotation = (heads: number) => ({ heads, theta: 10, maxPositions: 8 });

describe("a gradient that cannot be", () => {
  test.each<[string, Tensor, Tensor]>([
    ["gradient of a loss of type float32[2, 3]: expected a float32 scalar", neg(x), x],
    ["gradient of a loss of type int64[]: expected a float32 scalar", input("n", [], "int64"), x],
    [
      'gradient with respect to "ids" int64[2]: expected float32',
      total(gather(x, ids, { unique: true })),
      ids,
    ],
    ['gradient with respect to "x", which the graph has as two tensors', total(input("x", [2, 3])), x],
  ])("%s", (message, loss, wanted) => {
    expect(messageOf(() => gradient(loss, [wanted]))).toBe(message);
  });
});

describe("emit", () => {
  test("refuses inputs of one name and two types", () => {
    const sum = add(x, input("x", [3]));
    expect(messageOf(() => emit({ sum }))).toBe('input "x" is declared as float32[2, 3] and as float32[3]');
    const cast = operators.cast(input("x", [2, 3], "int64"), { to: "float32" });
    expect(messageOf(() => emit({ sum: add(x, cast) }))).toBe(
      'input "x" is declared as float32[2, 3] and as int64[2, 3]',
    );
  });

  test("refuses an output with the name of an input", () => {
    expect(messageOf(() => emit({ x: neg(x) }))).toBe('output "x" has the name of an input');
  });

  test("refuses a tensor whose type is not what its rule gives", () => {
    const wrong = { ...neg(x), shape: [6] };
    expect(messageOf(() => emit({ wrong }))).toBe("Neg claims float32[6], its rule gives float32[2, 3]");
  });
});

describe("a run", () => {
  const outputs = { y: mul(x, x), n: neg(x) };
  const good = { x: new Float32Array(6) };

  test.each<[string, Record<string, TensorData>, Record<string, Float32Array>]>([
    ['input "x" float32[2, 3] was not fed', {}, {}],
    ['"x" float32[2, 3] needs 6 elements, got 5', { x: new Float32Array(5) }, {}],
    ['"x" float32[2, 3] was given a BigInt64Array', { x: new BigInt64Array(6) }, {}],
    ['"y" float32[2, 3] needs 6 elements, got 7', good, { y: new Float32Array(7) }],
    ['"z" is to be written in place but is no output', good, { z: new Float32Array(6) }],
  ])("%s", async (message, feeds, into) => {
    await using session = await Session.compile(outputs, { threads: 1 });
    await expect(session.run(feeds, into)).rejects.toThrow(new ShapeError(message));
  });

  test("refuses a shape other than declared, of which onnxruntime only warns", async () => {
    const lying = primitive(1, "Lying", {
      infer: ([t]) => (t.shape.length > 0 ? { dtype: t.dtype, shape: [7] } : fail("expected an axis")),
      emit: (onnx, names) => onnx.node("Neg", names),
      vjp: null,
    });
    await using session = await Session.compile({ y: lying(x) }, { threads: 1 });
    await expect(session.run(good)).rejects.toThrow('output "y" is [2, 3], declared as float32[7]');
  });

  const table = input("table", [8, 2]);
  test.each<[string, Tensor]>([
    ["gather", gather(table, ids, { unique: false })],
    ["replaceRows", replaceRows(table, ids, x2)],
    ["addRows", operators.addRows(table, ids, x2)],
    ["classLogProb", operators.classLogProb(input("logits", [2, 8]), ids)],
    ["rotary", operators.rotary(x2, ids, rotation(1))],
  ])("of %s with an index outside its range fails", async (_name, y) => {
    await using session = await Session.compile({ y }, { threads: 1 });
    const feeds = { table: new Float32Array(16), logits: new Float32Array(16), x2: new Float32Array(4) };
    await session.run({ ...feeds, ids: BigInt64Array.of(0n, 7n) });
    for (const id of [8n, 9n, 1n << 40n])
      await expect(session.run({ ...feeds, ids: BigInt64Array.of(0n, id) })).rejects.toThrow();
  });
});
