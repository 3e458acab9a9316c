import { fail, type Op, primitive, scalar, type Tensor, variadic } from "../tensor.ts";
import { sameShape, sizeOf, type TensorType } from "../tensor_type.ts";

/** The same elements in another shape. */
export const reshape: Op<1, { shape: readonly number[] }> = primitive(1, "Reshape", {
  infer: ([x], { shape }) =>
    sizeOf(shape) === sizeOf(x.shape) && shape.every((n) => n > 0)
      ? { dtype: x.dtype, shape }
      : fail(`[${shape}] is no shape of ${sizeOf(x.shape)} elements`),
  emit: (onnx, [x], { shape }, [type]) =>
    sameShape(type.shape, shape) ? x : onnx.node("Reshape", [x, onnx.integers(shape)]),
  vjp: (ct, _y, [x]) => [reshape(ct, { shape: x.shape })],
  memory: "view",
});

/** Axis i of the result is axis `perm[i]` of the input. */
export const transpose: Op<1, { perm: readonly number[] }> = primitive(1, "Transpose", {
  infer: ([x], { perm }) => {
    if (![...perm].sort((a, b) => a - b).every((axis, i) => axis === i) || perm.length !== x.shape.length)
      fail(`perm is not a permutation of rank ${x.shape.length}`);
    return { dtype: x.dtype, shape: perm.map((axis) => x.shape[axis] as number) };
  },
  emit: (onnx, names, { perm }) => onnx.node("Transpose", names, { perm }),
  vjp: (ct, _y, _inputs, { perm }) => [transpose(ct, { perm: perm.map((_, axis) => perm.indexOf(axis)) })],
});

/** Repeats the input along axes of size 1 until it has `shape`. */
export const expand: Op<1, { shape: readonly number[] }> = primitive(1, "Expand", {
  infer: ([x], { shape }) => {
    const lead = shape.length - x.shape.length;
    if (lead < 0 || x.shape.some((n, i) => n !== 1 && n !== shape[lead + i])) fail("sizes do not broadcast");
    return { dtype: x.dtype, shape };
  },
  emit: (onnx, [x], { shape }, [type]) =>
    sameShape(type.shape, shape) ? x : onnx.node("Expand", [x, onnx.integers(shape)]),
  vjp: (ct) => [ct],
});

/** Zeros, made when the graph runs. */
export function zeros(shape: readonly number[]): Tensor {
  return expand(scalar(0), { shape });
}

/** Joins tensors along `axis`. */
export const concat: (inputs: readonly Tensor[], attributes: { axis: number }) => Tensor = variadic(
  "Concat",
  {
    infer: (inputs, { axis }) => {
      const [first] = inputs;
      if (first === undefined) fail("expected at least one input");
      if (first.shape[axis] === undefined) fail(`axis ${axis} is outside rank ${first.shape.length}`);
      for (const x of inputs) {
        const fits =
          x.shape.length === first.shape.length &&
          x.shape.every((n, i) => i === axis || n === first.shape[i]);
        if (!fits || x.dtype !== first.dtype) fail(`inputs may differ only along axis ${axis}`);
      }
      const total = inputs.reduce((sum, x) => sum + (x.shape[axis] as number), 0);
      return { dtype: first.dtype, shape: first.shape.map((n, i) => (i === axis ? total : n)) };
    },
    emit: (onnx, names, { axis }) =>
      names.length === 1 ? (names[0] as string) : onnx.node("Concat", names, { axis }),
    vjp: (ct, _y, inputs, { axis }) => {
      let start = 0;
      return inputs.map((x) => {
        const begin = start;
        start += x.shape[axis] as number;
        return slice(ct, { axis, start: begin, end: start });
      });
    },
  },
);

/** Elements [start, end) along one axis. */
export const slice: Op<1, { axis: number; start: number; end: number }> = primitive(1, "Slice", {
  infer: ([x], { axis, start, end }) => {
    const size = x.shape[axis] ?? fail(`axis ${axis} is outside rank ${x.shape.length}`);
    if (start < 0 || end > size || start >= end) fail(`[${start}, ${end}) is outside [0, ${size})`);
    return { dtype: x.dtype, shape: x.shape.map((n, i) => (i === axis ? end - start : n)) };
  },
  emit: (onnx, [x], { axis, start, end }, [type]) =>
    start === 0 && end === type.shape[axis]
      ? x
      : onnx.node("Slice", [x, onnx.integers([start]), onnx.integers([end]), onnx.integers([axis])]),
  vjp: (ct, _y, [x], { axis, start }) => [pad(ct, { axis, start, size: x.shape[axis] as number })],
});

export interface PadAttributes {
  readonly axis: number;
  /** Where the input begins in the result. */
  readonly start: number;
  /** The result's size along the axis. */
  readonly size: number;
}

/** The input at [start, …) of a longer axis, zeros elsewhere. */
export const pad: Op<1, PadAttributes> = primitive(1, "Pad", {
  infer: ([x], { axis, start, size }) => {
    const length = x.shape[axis] ?? fail(`axis ${axis} is outside rank ${x.shape.length}`);
    if (start < 0 || start + length > size) fail(`[${start}, ${start + length}) is outside [0, ${size})`);
    return { dtype: x.dtype, shape: x.shape.map((n, i) => (i === axis ? size : n)) };
  },
  emit: (onnx, [x], { axis, start, size }, [type]) => {
    const after = size - start - (type.shape[axis] as number);
    if (start === 0 && after === 0) return x;
    return onnx.node("Pad", [x, onnx.integers([start, after]), "", onnx.integers([axis])], {
      mode: "constant",
    });
  },
  vjp: (ct, _y, [x], { axis, start }) => [slice(ct, { axis, start, end: start + (x.shape[axis] as number) })],
});

/**
 * Rows of `x` [V, ...] by number: [...index, ...]. With `unique` the index must not repeat a row, and the
 * gradient is a plain scatter; without it the gradient sums what was read more than once.
 */
export const gather: Op<2, { unique: boolean }> = primitive(2, "Gather", {
  infer: ([x, index]) => {
    if (index.dtype !== "int64") fail("expected an int64 index");
    if (x.shape.length === 0) fail("expected at least one axis");
    return { dtype: x.dtype, shape: [...index.shape, ...x.shape.slice(1)] };
  },
  emit: (onnx, names) => onnx.node("Gather", names, { axis: 0 }),
  vjp: (ct, _y, [x, index], { unique }) => {
    const rows = index.shape.reduce((a, b) => a * b, 1);
    const width = sizeOf(x.shape.slice(1));
    const flat = reshape(ct, { shape: [rows, width] });
    const flatIndex = reshape(index, { shape: [rows] });
    const count = x.shape[0] as number;
    const sum = unique
      ? replaceRows(zeros([count, width]), flatIndex, flat)
      : addRows(zeros([count, width]), flatIndex, flat);
    return [reshape(sum, { shape: x.shape }), null];
  },
});

/** `x` [N, D] with the rows that `index` [K] names replaced by `rows` [K, D]; the index must not repeat. */
export const replaceRows: Op<3> = primitive(3, "ReplaceRows", {
  infer: ([x, index, rows]) => {
    requireRows(x, index, rows);
    return x;
  },
  emit: (onnx, [x, index, rows]) => {
    const column = onnx.node("Unsqueeze", [index, onnx.integers([-1])]);
    return onnx.node("ScatterND", [x, column, rows]);
  },
  vjp: (ct, _y, [, index, rows]) => [
    replaceRows(ct, index, zeros(rows.shape)),
    null,
    gather(ct, index, { unique: true }),
  ],
});

/**
 * `x` [N, ...] with `rows` [K, ...] added where `index` [K] says; the index may repeat. ScatterElements adds in
 * order, on one thread: ScatterND loses updates, and a product with a one-hot matrix costs K N D.
 */
export const addRows: Op<3> = primitive(3, "AddRows", {
  infer: ([x, index, rows]) => {
    requireRows(x, index, rows);
    return x;
  },
  emit: (onnx, [x, index, rows], _attributes, [, , type]) => {
    const column = onnx.integers([type.shape[0] as number, ...type.shape.slice(1).map(() => 1)]);
    const everywhere = onnx.node("Expand", [
      onnx.node("Reshape", [index, column]),
      onnx.integers(type.shape),
    ]);
    return onnx.node("ScatterElements", [x, everywhere, rows], { axis: 0, reduction: "add" });
  },
  vjp: (ct, _y, [, index]) => [ct, null, gather(ct, index, { unique: false })],
});

function requireRows(x: TensorType, index: TensorType, rows: TensorType): void {
  if (index.dtype !== "int64" || index.shape.length !== 1) fail("expected an int64 index of rank 1");
  if (x.dtype !== rows.dtype) fail("element types differ");
  if (x.shape.length === 0 || !sameShape(rows.shape, [...index.shape, ...x.shape.slice(1)]))
    fail("rows do not fit index and x");
}
