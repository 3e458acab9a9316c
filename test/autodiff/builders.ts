import * as operators from "../../autodiff/operators/index.ts";
import { constant, type Tensor } from "../../autodiff/tensor.ts";
import { alongRows, at, make, mean, type NdArray, product, reduce, sum, zip } from "./array.ts";
import { type Case, ids, normal, type Value } from "./check.ts";

type Operators = typeof operators;
type Binary = (a: Tensor, b: Tensor) => Tensor;
type Unary = (x: Tensor) => Tensor;

/** Equal shapes, broadcasting in each direction, a rank more, and scalars. */
export function binary(
  build: Binary,
  f: (a: number, b: number) => number,
  value: (...shape: number[]) => Value = normal,
): Case[] {
  const shapes: [number[], number[]][] = [
    [
      [2, 3],
      [2, 3],
    ],
    [
      [2, 1, 3],
      [4, 1],
    ],
    [[3], [2, 2, 3]],
    [[1, 1], [5]],
    [[], [2, 2]],
    [[3, 1], []],
  ];
  return shapes.map(([a, b]) => ({ inputs: [value(...a), value(...b)], build, reference: zip(f) }));
}

export function unary(
  build: Unary,
  f: (x: number) => number,
  value: (...shape: number[]) => Value = normal,
): Case[] {
  return [[7], [2, 3, 1], []].map((shape) => ({ inputs: [value(...shape)], build, reference: zip(f) }));
}

export function rows(build: Unary, f: (row: number[]) => number[]): Case[] {
  return [[5], [3, 4], [2, 1, 3], [4, 1]].map((shape) => ({
    inputs: [normal(...shape)],
    build,
    reference: (x) => alongRows(x, f),
  }));
}

type Reduction = Operators["reduceSum"];
export function reduction(build: Reduction, f: (elements: number[]) => number): Case[] {
  const settings: [number[], number[], boolean][] = [
    [[3, 4], [1], true],
    [[3, 4], [0], false],
    [[2, 3, 4], [0, 2], true],
    [[2, 3, 4], [2, 0], false],
    [[2, 3, 1], [0, 1, 2], false],
    [[2, 3], [], false],
    [[], [], false],
  ];
  return settings.map(([shape, axes, keepDims]) => ({
    inputs: [normal(...shape)],
    build: (x) => build(x, { axes, keepDims }),
    reference: (x) => reduce(x, axes, keepDims, f),
  }));
}

export function matrices(
  a: number[],
  b: number[],
  attributes: Parameters<Operators["matmul"]>[2] = {},
): Case {
  return {
    inputs: [normal(...a), normal(...b)],
    build: (x, y) => operators.matmul(x, y, attributes),
    reference: (x, y) => product(x, y, attributes),
  };
}

export function matricesAdded(
  a: number[],
  b: number[],
  c: number[],
  attributes: Parameters<Operators["matmulAdd"]>[3] = {},
): Case {
  return {
    inputs: [normal(...a), normal(...b), normal(...c)],
    build: (x, y, z) => operators.matmulAdd(x, y, z, attributes),
    reference: (x, y, z) => zip((p, q) => p + q)(product(x, y, attributes), z),
  };
}

const logSumExp = (row: number[]): number => Math.log(sum(row.map(Math.exp)));
export const logOf = (row: number[]): number[] => row.map((x) => x - logSumExp(row));
export const sigmoidOf = (x: number): number => 1 / (1 + Math.exp(-x));
export const geluTanhOf = (x: number): number =>
  (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

export function classes(logits: Value, id: Value): Case {
  return {
    inputs: [logits, id],
    build: operators.classLogProb,
    reference: (x, k) => make(k.shape, (i) => at(alongRows(x, logOf), [...i, at(k, i)])),
  };
}

export function norm(kind: "rms" | "layer", epsilon: number, ...shape: number[]): Case {
  const width = shape.at(-1) as number;
  const normed = (row: number[]): number[] => {
    const centre = kind === "rms" ? 0 : mean(row);
    const scale = Math.sqrt(mean(row.map((x) => (x - centre) ** 2)) + epsilon);
    return row.map((x) => (x - centre) / scale);
  };
  return {
    inputs: [normal(...shape), normal(width), normal(width)],
    build: (x, gamma, beta) =>
      kind === "rms"
        ? operators.rmsNorm(x, gamma, { epsilon })
        : operators.layerNorm(x, gamma, beta, { epsilon }),
    reference: (x, gamma, beta) =>
      zip((n, g, b) => n * g + (kind === "rms" ? 0 : b))(alongRows(x, normed), gamma, beta),
  };
}

export function turned(
  positions: number[],
  heads: number,
  headSize: number,
  theta: number,
  inverse = false,
): Case {
  const half = headSize / 2;
  return {
    inputs: [normal(positions.length, heads * headSize), ids(positions)],
    build: (x, p) => operators.rotary(x, p, { heads, theta, maxPositions: 50, inverse }),
    reference: (x, p) =>
      make(x.shape, ([row = 0, column = 0]) => {
        const i = column % headSize;
        const angle = (inverse ? -1 : 1) * at(p, [row]) * theta ** ((-2 * (i % half)) / headSize);
        const [other, sign] = i < half ? [column + half, -1] : [column - half, 1];
        return at(x, [row, column]) * Math.cos(angle) + sign * at(x, [row, other]) * Math.sin(angle);
      }),
  };
}

/** Rows turned by angles [N, d/2] that are given as cosines and sines. */
export function turnedBy(angles: number[][], heads: number): Case {
  const half = (angles[0] as number[]).length;
  const table = (f: (angle: number) => number): Tensor =>
    constant(Float32Array.from(angles.flat(), f), [angles.length, half]);
  return {
    inputs: [normal(angles.length, heads * half * 2)],
    build: (x) => operators.rotaryBy(x, table(Math.cos), table(Math.sin), { heads }),
    reference: (x) =>
      make(x.shape, ([row = 0, column = 0]) => {
        const i = column % (2 * half);
        const angle = angles[row]?.[i % half] as number;
        const [other, sign] = i < half ? [column + half, -1] : [column - half, 1];
        return at(x, [row, column]) * Math.cos(angle) + sign * at(x, [row, other]) * Math.sin(angle);
      }),
  };
}

export function joined(axis: number, ...shapes: number[][]): Case {
  return {
    inputs: shapes.map((shape) => normal(...shape)),
    build: (...x) => operators.concat(x.slice(0, shapes.length), { axis }),
    reference: (...x) => {
      const parts = x.slice(0, shapes.length);
      const size = sum(parts.map(({ shape }) => shape[axis] as number));
      return make(
        (shapes[0] as number[]).map((n, i) => (i === axis ? size : n)),
        (index) => {
          let place = index[axis] as number;
          const part = parts.find(({ shape }) => {
            if (place < (shape[axis] as number)) return true;
            place -= shape[axis] as number;
            return false;
          });
          return at(part as NdArray, index.with(axis, place));
        },
      );
    },
  };
}

export function cut(shape: number[], axis: number, start: number, end: number): Case {
  return {
    inputs: [normal(...shape)],
    build: (x) => operators.slice(x, { axis, start, end }),
    reference: (x) =>
      make(shape.with(axis, end - start), (i) => at(x, i.with(axis, (i[axis] as number) + start))),
  };
}

export function padded(shape: number[], axis: number, start: number, size: number): Case {
  return {
    inputs: [normal(...shape)],
    build: (x) => operators.pad(x, { axis, start, size }),
    reference: (x) =>
      make(shape.with(axis, size), (i) => {
        const place = (i[axis] as number) - start;
        return place >= 0 && place < (shape[axis] as number) ? at(x, i.with(axis, place)) : 0;
      }),
  };
}

export function gathered(shape: number[], index: Value, unique: boolean): Case {
  return {
    inputs: [normal(...shape), index],
    build: (x, i) => operators.gather(x, i, { unique }),
    reference: (x, i) =>
      make([...i.shape, ...shape.slice(1)], (place) =>
        at(x, [at(i, place.slice(0, i.shape.length)), ...place.slice(i.shape.length)]),
      ),
  };
}

export function updated(kind: "replaceRows" | "addRows", shape: number[], index: number[]): Case {
  return {
    inputs: [normal(...shape), ids(index), normal(index.length, ...shape.slice(1))],
    build: kind === "addRows" ? operators.addRows : operators.replaceRows,
    reference: (x, _index, updates) =>
      make(shape, (place) => {
        const found = index.flatMap((row, k) =>
          row === place[0] ? [at(updates, [k, ...place.slice(1)])] : [],
        );
        if (kind === "addRows") return at(x, place) + sum(found);
        return found[0] ?? at(x, place);
      }),
  };
}

export function permuted(shape: number[], perm: number[]): Case {
  return {
    inputs: [normal(...shape)],
    build: (x) => operators.transpose(x, { perm }),
    reference: (x) =>
      make(
        perm.map((axis) => shape[axis] as number),
        (i) =>
          at(
            x,
            perm.map((_, axis) => i[perm.indexOf(axis)] as number),
          ),
      ),
  };
}

export function grown(shape: number[], to: number[]): Case {
  return {
    inputs: [normal(...shape)],
    build: (x) => operators.expand(x, { shape: to }),
    reference: (x) => make(to, (i) => at(x, i)),
  };
}
