import { describe, expect, test } from "vitest";
import { gradient } from "../../autodiff/gradient.ts";
import * as operators from "../../autodiff/operators/index.ts";
import { input, type Tensor } from "../../autodiff/tensor.ts";
import { dtypeOf } from "../../autodiff/tensor_type.ts";
import { at, erfOf, make, mean, sum, zip } from "./array.ts";
import {
  binary,
  classes,
  cut,
  gathered,
  geluTanhOf,
  grown,
  joined,
  logOf,
  matrices,
  matricesAdded,
  norm,
  padded,
  permuted,
  reduction,
  rows,
  sigmoidOf,
  turned,
  turnedBy,
  unary,
  updated,
} from "./builders.ts";
import { bools, type Case, checkCase, evaluate, given, ids, normal, positive, total } from "./check.ts";

type Operators = typeof operators;
/** Every exported function that makes a tensor. */
type OpName = {
  [K in keyof Operators]: Operators[K] extends (...args: never[]) => Tensor ? K : never;
}[keyof Operators];
const choice: Case["reference"] = zip((c, a, b) => (c ? a : b));
const halves = given(Float32Array.of(0.5, -1.25, 3, 0.015625), 4);

const cases = {
  add: binary(operators.add, (a, b) => a + b),
  sub: binary(operators.sub, (a, b) => a - b),
  mul: binary(operators.mul, (a, b) => a * b),
  div: [
    ...binary(operators.div, (a, b) => a / b, positive),
    { inputs: [normal(4), positive(3, 1)], build: operators.div, reference: zip((a, b) => a / b) },
  ],
  minimum: binary(operators.minimum, Math.min),
  maximum: binary(operators.maximum, Math.max),
  greater: binary(operators.greater, (a, b) => Number(a > b)),
  where: [
    { inputs: [bools(2, 3), normal(2, 3), normal(2, 3)], build: operators.where, reference: choice },
    { inputs: [bools(3), normal(4, 1), normal()], build: operators.where, reference: choice },
    { inputs: [bools(2, 1, 2), normal(3, 1), normal(1, 1, 2)], build: operators.where, reference: choice },
    { inputs: [bools(2), ids([4, 5]), ids([7])], build: operators.where, reference: choice },
  ],
  neg: unary(operators.neg, (x) => -x),
  exp: unary(operators.exp, Math.exp),
  log: unary(operators.log, Math.log, positive),
  sqrt: unary(operators.sqrt, Math.sqrt, positive),
  sigmoid: unary(operators.sigmoid, sigmoidOf),
  tanh: unary(operators.tanh, Math.tanh),
  erf: unary(operators.erf, erfOf),
  silu: unary(operators.silu, (x) => x * sigmoidOf(x)),
  geluTanh: unary(operators.geluTanh, geluTanhOf),
  gelu: unary(operators.gelu, (x) => (x / 2) * (1 + erfOf(x / Math.SQRT2))),
  cast: [
    ...unary(
      (x) => operators.cast(x, { to: "float32" }),
      (x) => x,
    ),
    {
      inputs: [halves],
      build: (x) => operators.cast(x, { to: "float16" }),
      reference: zip((x) => x),
      tolerance: 1e-3,
    },
    {
      inputs: [halves],
      build: (x) => operators.cast(operators.cast(x, { to: "float16" }), { to: "float32" }),
      reference: zip((x) => x),
      tolerance: 1e-3,
    },
    { inputs: [normal(9)], build: (x) => operators.cast(x, { to: "int64" }), reference: zip(Math.trunc) },
    {
      inputs: [normal(9)],
      build: (x) => operators.cast(x, { to: "bool" }),
      reference: zip((x) => Number(x !== 0)),
    },
    { inputs: [bools(5)], build: (x) => operators.cast(x, { to: "float32" }), reference: zip((x) => x) },
    { inputs: [ids([3, -4])], build: (x) => operators.cast(x, { to: "float32" }), reference: zip((x) => x) },
  ],
  stopGradient: unary(operators.stopGradient, (x) => x).map((c) => ({ ...c, stops: true })),

  matmulAdd: [
    matricesAdded([3, 4], [4, 5], [3, 5]),
    matricesAdded([3, 4], [5, 4], [3, 5], { transB: true, alpha: 2 }),
    matricesAdded([4, 3], [4, 5], [3, 5], { transA: true }),
    matricesAdded([4, 3], [5, 4], [3, 5], { transA: true, transB: true, alpha: -0.5 }),
  ],
  matmul: [
    matrices([3, 4], [4, 5]),
    matrices([3, 4], [5, 4], { transB: true }),
    matrices([4, 3], [4, 5], { transA: true }),
    matrices([4, 3], [5, 4], { transA: true, transB: true, alpha: -0.5 }),
    matrices([1, 1], [1, 1], { alpha: 3 }),
    // A weight under a batch, in each direction.
    matrices([2, 3, 4], [4, 5]),
    matrices([2, 3, 4], [5, 4], { transB: true, alpha: 2 }),
    matrices([2, 4, 3], [4, 5], { transA: true }),
    matrices([3, 4], [2, 4, 5], { alpha: 0.25 }),
    matrices([4, 3], [2, 5, 4], { transA: true, transB: true }),
    // Batches that broadcast, as where a group of query heads shares keys and values.
    matrices([2, 3, 2, 4], [2, 1, 5, 4], { transB: true, alpha: 0.5 }),
    matrices([2, 3, 2, 5], [2, 1, 5, 4]),
    matrices([2, 1, 4, 2], [3, 4, 5], { transA: true }),
    matrices([1, 2, 3], [4, 3, 2]),
  ],
  scale: [
    ...unary(
      (x) => operators.scale(x, -2.5),
      (x) => -2.5 * x,
    ),
    ...unary(
      (x) => operators.scale(x, 1),
      (x) => x,
    ),
  ],

  softmax: rows(operators.softmax, (row) => logOf(row).map(Math.exp)),
  logSoftmax: rows(operators.logSoftmax, logOf),
  classLogProb: [
    classes(normal(3, 5), ids([4, 0, 4])),
    classes(normal(2, 2, 3), ids([0, 2, 1, 1], 2, 2)),
    classes(normal(4), given(BigInt64Array.of(3n))),
    classes(normal(2, 1), ids([0, 0])),
  ],
  rmsNorm: [norm("rms", 1e-5, 3, 8), norm("rms", 0.1, 2, 3, 5), norm("rms", 1e-2, 4), norm("rms", 1, 2, 1)],
  layerNorm: [norm("layer", 1e-5, 3, 8), norm("layer", 0.1, 2, 3, 5), norm("layer", 1e-2, 4)],

  reduceSum: reduction(operators.reduceSum, sum),
  reduceMean: reduction(operators.reduceMean, mean),

  rotary: [
    turned([0, 1, 2], 1, 4, 10),
    turned([49, 3, 3, 0, 17], 3, 8, 10_000),
    turned([5], 2, 2, 100),
    turned([7, 30], 2, 6, 100_000, true),
  ],

  rotaryBy: [
    turnedBy([[0.3], [2]], 1),
    turnedBy(
      [
        [0, 1, 4],
        [-1, 0.5, 9],
      ],
      2,
    ),
  ],

  reshape: [
    [
      [2, 3],
      [3, 2],
    ],
    [[4], [2, 1, 2]],
    [[1, 1], []],
    [[], [1]],
  ].map(([from = [], to = []]) => ({
    inputs: [normal(...from)],
    build: (x) => operators.reshape(x, { shape: to }),
    reference: (x) => ({ shape: to, data: x.data }),
  })),
  transpose: [
    permuted([2, 3], [1, 0]),
    permuted([2, 3, 4], [2, 0, 1]),
    permuted([2, 1, 3, 2], [0, 2, 1, 3]),
    permuted([], []),
  ],
  expand: [
    grown([3, 1], [3, 4]),
    grown([2], [3, 2]),
    grown([], [2, 2]),
    grown([1, 2, 1], [2, 2, 2, 3]),
    grown([2, 3], [2, 3]),
  ],
  concat: [
    joined(0, [2, 3], [1, 3]),
    joined(1, [2, 3], [2, 1], [2, 2]),
    joined(2, [2, 1, 1], [2, 1, 3]),
    joined(0, [3]),
  ],
  slice: [cut([5], 0, 1, 3), cut([2, 5], 1, 0, 2), cut([4, 2, 3], 0, 2, 4), cut([3, 4], 1, 0, 4)],
  pad: [padded([2], 0, 1, 5), padded([2, 3], 1, 0, 4), padded([2, 1, 3], 0, 1, 3), padded([2, 2], 1, 0, 2)],
  gather: [
    gathered([5, 3], ids([4, 0, 2]), true),
    gathered([4], ids([3, 1]), true),
    gathered([4, 2, 2], ids([0, 3, 1, 2], 2, 2), true),
    gathered([5, 3], ids([1, 1, 4, 1]), false),
    gathered([3], ids([2, 2, 0], 3, 1), false),
    gathered([4, 2, 3], ids([0, 0, 3, 0], 2, 2), false),
    gathered([4, 2], given(BigInt64Array.of(2n)), false),
    gathered([4, 2], given(BigInt64Array.of(2n)), true),
  ],
  replaceRows: [
    updated("replaceRows", [5, 3], [4, 1]),
    updated("replaceRows", [3], [2, 0, 1]),
    updated("replaceRows", [4, 2, 2], [3]),
  ],
  addRows: [
    updated("addRows", [5, 3], [4, 1]),
    updated("addRows", [5, 3], [2, 2, 0, 2]),
    updated("addRows", [3], [1, 1]),
    updated("addRows", [3, 2, 2], [0, 2, 0]),
  ],
  quantizedMatmul: [
    {
      // Rows whose elements are whole steps of their greatest, so that nothing is lost in rounding.
      inputs: [
        given(Float32Array.of(127, -3, 64, 5, -31.75, 0.25, 8, 1.5, 0, 0, 0, 0), 3, 4),
        given(Int8Array.of(1, -2, 3, 127, 4, -127, 5, 0, 6, -7, 8, 9), 4, 3),
        given(Float32Array.of(0.5, 2, 0.125), 3),
      ],
      build: operators.quantizedMatmul,
      reference: (x, w, steps) => {
        const column = (j: number) => [0, 1, 2, 3].map((k) => at(w, [k, j]) * at(steps, [j]));
        return make([3, 3], ([i = 0, j = 0]) => sum(column(j).map((weight, k) => weight * at(x, [i, k]))));
      },
      stops: true,
    },
  ],
  rowSteps: [
    {
      inputs: [normal(3, 5)],
      build: (x) => operators.rowSteps(x, { steps: 63 }),
      reference: (x) =>
        make([3], ([i = 0]) => Math.max(...[0, 1, 2, 3, 4].map((k) => Math.abs(at(x, [i, k])))) / 63),
      stops: true,
    },
  ],
  toBytes: [
    {
      inputs: [
        given(Float32Array.of(1, -2.3, 0.6, -0.2, 500, -500), 2, 3),
        given(Float32Array.of(0.25, 2), 2),
      ],
      build: operators.toBytes,
      reference: (x, steps) =>
        make([3, 2], ([k = 0, i = 0]) => {
          return Math.max(-128, Math.min(127, Math.round(at(x, [i, k]) / at(steps, [i]))));
        }),
      stops: true,
    },
  ],
  drawClass: [
    {
      inputs: [
        given(
          Float32Array.from({ length: 3 * 1030 }, (_, i) => (i * 37) % 11),
          3,
          1030,
        ),
        given(Float32Array.of(0, 0, 0.37, 1e-9, 1, -1e-9), 3, 2),
      ],
      build: operators.drawClass,
      reference: (masses, shares) =>
        make([3], ([row = 0]) => {
          const own = Array.from({ length: 1030 }, (_, j) => at(masses, [row, j]));
          const share = at(shares, [row, 0]) + at(shares, [row, 1]);
          let rest = Math.min(share, 1 - 2 ** -20) * sum(own);
          return own.findIndex((mass) => {
            rest -= mass;
            return rest < 0;
          });
        }),
      stops: true,
    },
  ],
  bestClass: [
    {
      inputs: [given(Float32Array.of(1, 3, 3, 0, -1, -2, -0.5, -0.5), 2, 4)],
      build: operators.bestClass,
      reference: () => make([2], ([row = 0]) => [1, 2][row] as number),
      stops: true,
    },
  ],
  pickClass: [
    {
      inputs: [normal(3, 4), ids([2, 0, 3])],
      build: operators.pickClass,
      reference: (x, index) => make([3], ([row = 0]) => at(x, [row, at(index, [row])])),
      stops: true,
    },
  ],
  zeros: [{ inputs: [], build: () => operators.zeros([2, 3]), reference: () => make([2, 3], () => 0) }],
} satisfies Record<OpName, readonly Case[]>;

describe.each(Object.entries(cases) as [OpName, readonly Case[]][])("%s", (name, list) => {
  test.each(list.map((c, i) => [i, c] as const))("case %i", (i, c) => checkCase(`${name} ${i}`, c));
});

describe("gradients at ties and stops", () => {
  const x = input("x", [3]);
  const same = { x: Float32Array.of(1, 2, 3), y: Float32Array.of(1, 0, 3) };

  test("minimum and maximum give all of it to the first", async () => {
    const y = input("y", [3]);
    for (const [operator, first] of [
      [operators.minimum, [1, 0, 1]],
      [operators.maximum, [1, 1, 1]],
    ] as const) {
      const [dx, dy] = gradient(total(operator(x, y)), [x, y]) as [Tensor, Tensor];
      const result = await evaluate({ dx, dy }, same);
      expect([...(result.dx as Float32Array)]).toEqual(first);
      expect([...(result.dy as Float32Array)]).toEqual(first.map((n) => 1 - n));
    }
  });

  test("no gradient flows through these operators", () => {
    const withoutRule = Object.entries(cases as Record<string, readonly Case[]>).flatMap(([name, [c]]) => {
      const xs = (c as Case).inputs.map(({ shape, draw }, i) => {
        const drawn = draw({ normal: () => 0, between: () => 0, integer: () => 0 } as never);
        return input(`x${i}`, shape, dtypeOf(drawn));
      });
      const { source } = (c as Case).build(...xs);
      return source.kind === "apply" && source.operator.vjp === null ? [name] : [];
    });
    expect(withoutRule).toEqual([
      "greater",
      "stopGradient",
      "quantizedMatmul",
      "rowSteps",
      "toBytes",
      "drawClass",
      "bestClass",
      "pickClass",
    ]);
  });
});
