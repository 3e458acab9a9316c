import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { gradient } from "../../autodiff/gradient.ts";
import { emit, Session } from "../../autodiff/onnx/session.ts";
import {
  add,
  div,
  exp,
  matmul,
  mul,
  neg,
  reduceSum,
  reshape,
  rotary,
  sqrt,
  stopGradient,
  sub,
  tanh,
} from "../../autodiff/operators/index.ts";
import { constant, fileTensor, input, integers, scalar, type Tensor } from "../../autodiff/tensor.ts";
import { RandomStream } from "../../common/random.ts";
import { evaluate, expectClose, expectSameBits, normal, numbers, total } from "./check.ts";
import { decode } from "./decode.ts";

const random = new RandomStream(11);
const draw = (...shape: number[]): Float32Array => normal(...shape).draw(random) as Float32Array;
const x = input("x", [4, 6]);

describe("constants", () => {
  test("of a mebibyte and more stand beside the model", async () => {
    const big = draw(700, 600);
    const other = draw(600, 500);
    const row = input("row", [1, 700]);
    const y = add(matmul(row, constant(big, [700, 600]), {}), scalar(1));
    const z = matmul(y, constant(other, [600, 500]), {});
    expect(emit({ z }).model.length).toBeLessThan(2000);
    expect(decode({ z }).constants).toEqual([
      { shape: [700, 600], external: true },
      { shape: [], external: false },
      { shape: [600, 500], external: true },
    ]);

    const weights = { big: input("big", [700, 600]), other: input("other", [600, 500]) };
    const same = matmul(add(matmul(row, weights.big, {}), scalar(1)), weights.other, {});
    const feeds = { row: draw(1, 700), big, other };
    // Not the same bits: onnxruntime packs stored weights beforehand, and its packed product adds in other blocks.
    const { z: stored } = await evaluate({ z }, feeds);
    const { z: fed } = await evaluate({ z: same }, feeds);
    expectClose(stored as Float32Array, numbers(fed as Float32Array), 1e-6, "z");
  });

  test("of any size go with tensors that lie in a file", async () => {
    const folder = await mkdtemp(join(tmpdir(), "visplay-stored-"));
    const path = join(folder, "weights.bin");
    const [weights, big] = [draw(6, 700), draw(700, 600)];
    await writeFile(path, Buffer.concat([Buffer.alloc(12), Buffer.from(weights.buffer)]));
    const place = { path, offset: 12 };
    const build = (w: Tensor, c: Tensor): Tensor => matmul(matmul(x, w, {}), c, {});
    const y = build(fileTensor(place, [6, 700]), constant(big, [700, 600]));
    const fed = build(input("w", [6, 700]), input("c", [700, 600]));
    const feeds = { x: draw(4, 6) };
    const { y: found } = await evaluate({ y }, feeds);
    const { fed: wanted } = await evaluate({ fed }, { ...feeds, w: weights, c: big });
    expectClose(found as Float32Array, numbers(wanted as Float32Array), 1e-5, "y");
    await rm(folder, { recursive: true });
  });

  test("are stored once: the same array, and equal short ones", () => {
    const data = draw(4, 6);
    const shared = add(add(x, constant(data, [4, 6])), constant(data, [4, 6]));
    expect(decode({ shared }).constants.map(({ shape }) => shape)).toEqual([[4, 6]]);
    const short = mul(mul(x, scalar(0.5)), scalar(0.5));
    expect(decode({ short }).constants.length).toBe(1);
    const kinds = { a: scalar(0), b: constant(Float32Array.of(0), [1]), c: integers([0]), d: scalar(-0) };
    expect(decode(kinds).constants.length).toBe(4);
  });

  test("of one array in two shapes are two", async () => {
    const data = draw(4, 6);
    const flat = add(x, constant(data, [4, 6]));
    const turned = add(reshape(x, { shape: [6, 4] }), constant(data, [6, 4]));
    const { a, b } = await evaluate({ a: flat, b: turned }, { x: new Float32Array(24) });
    expect([a, b]).toEqual([data, data]);
  });

  test("-0 stays -0", async () => {
    const { y, z } = await evaluate({ y: scalar(-0), z: scalar(0) });
    expect([y?.[0], z?.[0]]).toEqual([-0, 0]);
  });

  test("of rotations are shared by all that turn alike", () => {
    const positions = input("positions", [4], "int64");
    const settings = { heads: 1, theta: 10, maxPositions: 8 };
    const y = rotary(rotary(x, positions, settings), positions, { ...settings, heads: 3 });
    const gradients = gradient(total(mul(y, y)), [x]);
    const tables = decode({ y, g: gradients[0] as Tensor }).constants.filter(
      ({ shape }) => shape.length === 2,
    );
    // cos, sin and -sin for one head of 6 and for three of 2.
    expect(tables.map(({ shape }) => shape)).toHaveLength(6);
  });
});

describe("outputs", () => {
  test("are fetched from the node that computes them, also where others read it", () => {
    const y = neg(x);
    expect(decode({ y, z: exp(y) }).nodes).toEqual(["Neg", "Exp"]);
  });

  test("may be inputs, constants and one tensor under two names", async () => {
    const y = neg(x);
    const data = draw(4, 6);
    const fed = { x: draw(4, 6) };
    const result = await evaluate({ a: y, b: y, c: x, d: constant(data, [4, 6]), e: stopGradient(x) }, fed);
    const negative = fed.x.map((n) => -n);
    expectSameBits(result, { a: negative, b: negative, c: fed.x, d: data, e: fed.x });
  });

  test("are written into given arrays, and into nothing around them", async () => {
    await using session = await Session.compile({ y: neg(x), z: exp(x) }, { threads: 1 });
    const all = new Float32Array(30).fill(9);
    const into = all.subarray(3, 27);
    const fed = { x: draw(4, 6) };
    const result = await session.run(fed, { y: into });
    expect(result.y).toBe(into);
    expect([...into]).toEqual([...fed.x].map((n) => -n));
    expect([...all.subarray(0, 3), ...all.subarray(27)]).toEqual([9, 9, 9, 9, 9, 9]);
    expectClose(result.z as Float32Array, [...fed.x].map(Math.exp), 1e-6, "z");
  });
});

describe("AdamW written over its inputs", () => {
  const [beta1, beta2] = [0.9, 0.999];
  function update(size: number): Record<string, Tensor> {
    const [p, m, v, g] = ["p", "m", "v", "g"].map((name) => input(name, [size])) as [
      Tensor,
      Tensor,
      Tensor,
      Tensor,
    ];
    const rate = input("rate", [1]);
    const first = add(mul(m, scalar(beta1)), mul(g, scalar(1 - beta1)));
    const second = add(mul(v, scalar(beta2)), mul(mul(g, g), scalar(1 - beta2)));
    const kept = mul(p, sub(scalar(1), mul(rate, scalar(0.1))));
    const next = sub(kept, mul(rate, div(first, add(sqrt(second), scalar(1e-8)))));
    return { p2: next, m2: first, v2: second };
  }

  test.each(
    [1, 2].flatMap((threads) => [1, 7, 1000, 65_537, 1 << 20].map((size) => [size, threads] as const)),
  )("%i elements on %i threads has the bits of separate arrays", async (size, threads) => {
    await using session = await Session.compile(update(size), { threads });
    const start = draw(3 * size);
    // One array for all parameters, as an optimizer may have it; the gradient stands between them.
    const state = new Float32Array(4 * size);
    state.set(start.subarray(0, 2 * size));
    const [p, m, v, g] = [0, 1, 3, 2].map((i) => state.subarray(i * size, (i + 1) * size)) as Four;
    v.set(start.subarray(2 * size).map(Math.abs));
    let apart = { p2: p.slice(), m2: m.slice(), v2: v.slice() };
    const steps = Math.min(50, Math.ceil(5e6 / size));
    for (let step = 0; step < steps; step++) {
      for (let i = 0; i < size; i++) g[i] = Math.fround(Math.sin(i * 0.37 + step));
      const rate = Float32Array.of(0.01 / (step + 1));
      const feeds = { p: apart.p2, m: apart.m2, v: apart.v2, g: g.slice(), rate };
      apart = (await session.run(feeds)) as typeof apart;
      await session.run({ p, m, v, g, rate }, { p2: p, m2: m, v2: v });
      expectSameBits({ p2: p, m2: m, v2: v }, apart);
    }
    expect(p.every(Number.isFinite)).toBe(true);
  });
});

type Four = [Float32Array, Float32Array, Float32Array, Float32Array];

describe("writing over an input", () => {
  const p = input("p", [6, 6]);
  const g = input("g", [6, 6]);
  const step = sub(p, g);

  test.each<[string, Record<string, Tensor>]>([
    ["that the output reads elementwise", { next: step }],
    ["that is read elementwise on the way", { next: add(mul(p, p), tanh(stopGradient(p))) }],
    ["that only another output's input depends on", { next: step, other: exp(step) }],
    ["that the graph does not have", { next: exp(g) }],
  ])("%s is right", async (_name, outputs) => {
    await using session = await Session.compile(outputs, { threads: 2 });
    const feeds = { p: draw(6, 6), g: draw(6, 6) };
    const apart = await session.run(feeds);
    expectSameBits(await session.run(feeds, { next: feeds.p }), apart);
  });

  test.each<[string, Record<string, Tensor>]>([
    ["MatMul float32[6, 6] may read it later", { next: step, other: matmul(g, p, {}) }],
    ["Exp float32[6, 6] may read it later", { next: step, other: exp(p) }],
    ["Neg float32[36] may read it later", { next: step, other: neg(reshape(p, { shape: [36] })) }],
    ["MatMul float32[6, 6] is not elementwise", { next: matmul(g, p, {}) }],
    ["MatMul float32[6, 6] is not elementwise", { next: add(matmul(p, g, {}), g) }],
    ["Mul float32[2, 6, 6] is not elementwise", { next: summed(mul(p, input("two", [2, 1, 1]))) }],
    ['output "other" may be a copy of it', { next: step, other: reshape(p, { shape: [36] }) }],
  ])("is refused: %s", async (reason, outputs) => {
    await using session = await Session.compile(outputs, { threads: 2 });
    const feeds = { p: draw(6, 6), g: draw(6, 6), two: draw(2) };
    await expect(session.run(feeds, { next: feeds.p })).rejects.toThrow(
      `output "next" cannot be written over input "p": ${reason}`,
    );
    await session.run(feeds, { next: new Float32Array(36) });
  });

  test("in part, or two outputs over each other, is refused", async () => {
    await using session = await Session.compile({ a: step, b: exp(g) }, { threads: 1 });
    const memory = new Float32Array(100);
    const at = (start: number): Float32Array => memory.subarray(start, start + 36);
    await expect(session.run({ p: at(0), g: at(50) }, { a: at(35) })).rejects.toThrow("they overlap in part");
    await expect(session.run({ p: at(0), g: draw(36) }, { a: at(40), b: at(60) })).rejects.toThrow(
      'outputs "a" and "b" overlap',
    );
    await session.run({ p: at(0), g: at(0) }, { a: at(36) });
  });
});

function summed(y: Tensor): Tensor {
  return reduceSum(y, { axes: [0], keepDims: false });
}
