import type { MatmulAttributes } from "../../autodiff/operators/index.ts";
import { sizeOf } from "../../autodiff/tensor_type.ts";

/** A float64 array with a shape: what the operators are compared with. Integers and bools are numbers too. */
export interface NdArray {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** An array by a function of its indices. */
export function make(shape: readonly number[], element: (index: number[]) => number): NdArray {
  const data = Array.from({ length: sizeOf(shape) }, (_, position) => element(indexOf(position, shape)));
  return { shape, data };
}

function indexOf(position: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  let rest = position;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis] as number;
    index[axis] = rest % size;
    rest = Math.floor(rest / size);
  }
  return index;
}

/** An element; where the index is longer or an axis is 1, as in NumPy's broadcasting. */
export function at({ shape, data }: NdArray, index: readonly number[]): number {
  const own = index.slice(index.length - shape.length);
  const position = shape.reduce(
    (sum, size, axis) => sum * size + (size === 1 ? 0 : (own[axis] as number)),
    0,
  );
  return data[position] as number;
}

export function broadcastShape(...shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) =>
    Math.max(...shapes.map((shape) => shape[axis - rank + shape.length] ?? 1)),
  );
}

/** An elementwise function with broadcasting. */
export const zip =
  (f: (...elements: number[]) => number) =>
  (...arrays: readonly NdArray[]): NdArray =>
    make(broadcastShape(...arrays.map(({ shape }) => shape)), (index) =>
      f(...arrays.map((x) => at(x, index))),
    );

/** A function of the elements along `axes`, which stay as 1 or are dropped. */
export function reduce(
  x: NdArray,
  axes: readonly number[],
  keepDims: boolean,
  f: (elements: number[]) => number,
): NdArray {
  const kept = x.shape.map((n, axis) => (axes.includes(axis) ? 1 : n));
  const inner = x.shape.map((n, axis) => (axes.includes(axis) ? n : 1));
  const { data } = make(kept, (outer) =>
    f(
      make(inner, (index) =>
        at(
          x,
          outer.map((n, axis) => n + (index[axis] as number)),
        ),
      ).data as number[],
    ),
  );
  return { data, shape: keepDims ? kept : kept.filter((_, axis) => !axes.includes(axis)) };
}

/** A function of each row along the last axis, which keeps its size. */
export function alongRows(x: NdArray, f: (row: number[]) => number[]): NdArray {
  const width = x.shape.at(-1) as number;
  const rows = Array.from({ length: x.data.length / width }, (_, row) =>
    f(x.data.slice(row * width, (row + 1) * width)),
  );
  return { shape: x.shape, data: rows.flat() };
}

/** α op(A) op(B) over the last two axes. */
export function product(
  a: NdArray,
  b: NdArray,
  { transA = false, transB = false, alpha = 1 }: MatmulAttributes = {},
): NdArray {
  const [rowsA, columnsA] = a.shape.slice(-2) as [number, number];
  const [rowsB, columnsB] = b.shape.slice(-2) as [number, number];
  const inner = transA ? rowsA : columnsA;
  const size = [transA ? columnsA : rowsA, transB ? rowsB : columnsB];
  return make([...broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2)), ...size], (index) => {
    const [m, n] = index.slice(-2) as [number, number];
    const batch = index.slice(0, -2);
    let sum = 0;
    for (let k = 0; k < inner; k++)
      sum +=
        at(a, [...batch, ...(transA ? [k, m] : [m, k])]) * at(b, [...batch, ...(transB ? [n, k] : [k, n])]);
    return alpha * sum;
  });
}

export function sum(elements: readonly number[]): number {
  return elements.reduce((a, b) => a + b, 0);
}

export function mean(elements: readonly number[]): number {
  return sum(elements) / elements.length;
}

/** The error function by its power series, to double precision for |x| below 3. */
export function erfOf(x: number): number {
  let term = x;
  let total = x;
  for (let n = 1; Math.abs(term) > 1e-18; n++) {
    term *= (-x * x) / n;
    total += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * total;
}
