import { describe, expect, test } from "vitest";
import { gradient } from "../../autodiff/gradient.ts";
import {
  add,
  classLogProb,
  gather,
  matmul,
  mul,
  rmsNorm,
  scale,
  silu,
  slice,
  stopGradient,
  sub,
  tanh,
} from "../../autodiff/operators/index.ts";
import { input, scalar, type Tensor, topological } from "../../autodiff/tensor.ts";
import type { TensorData } from "../../autodiff/tensor_type.ts";
import { RandomStream } from "../../common/random.ts";
import { evaluate, expectClose, expectSameBits, normal, numbers, total } from "./check.ts";
import { decode } from "./decode.ts";

const x = input("x", [2, 3]);
const values = { x: Float32Array.of(1, 2, 3, 4, 5, 6) };

async function derivative(loss: Tensor, wrt: Tensor, feeds = {}): Promise<number[]> {
  const { g } = await evaluate({ g: gradient(loss, [wrt])[0] as Tensor }, { ...values, ...feeds });
  return [...(g as Float32Array)];
}

describe("gradient", () => {
  test("adds what flows from every use", async () => {
    const y = add(mul(x, x), scale(x, 3));
    expect(await derivative(total(add(y, x)), x)).toEqual([6, 8, 10, 12, 14, 16]);
  });

  test("sums over the axes along which a tensor was broadcast", async () => {
    const feeds = { row: Float32Array.of(1, 1, 1), column: Float32Array.of(1, 1), one: Float32Array.of(1) };
    const shapes = { row: [3], column: [2, 1], one: [] };
    const [row, column, one] = Object.entries(shapes).map(([name, shape]) => input(name, shape)) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    expect(await derivative(total(mul(x, row)), row, feeds)).toEqual([5, 7, 9]);
    expect(await derivative(total(mul(column, x)), column, feeds)).toEqual([6, 15]);
    expect(await derivative(total(mul(x, one)), one, feeds)).toEqual([21]);
  });

  test("stops where it is told to", async () => {
    expect(await derivative(total(mul(x, stopGradient(x))), x)).toEqual([...values.x]);
    expect(await derivative(total(stopGradient(mul(x, x))), x)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test("is zero for what the loss does not depend on", async () => {
    expect(await derivative(total(x), input("unused", [4]))).toEqual([0, 0, 0, 0]);
    expect(await derivative(scalar(2), x)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test("reaches intermediate tensors and the loss itself", async () => {
    const y = mul(x, x);
    const loss = total(mul(y, y));
    expect(await derivative(loss, y)).toEqual([2, 8, 18, 32, 50, 72]);
    expect(await derivative(loss, loss)).toEqual([1]);
  });

  test("has gradients of its own: the third derivative of x⁴ is 24 x", async () => {
    const square = mul(x, x);
    let y = mul(square, square);
    for (let order = 1; order < 3; order++) y = gradient(total(y), [x])[0] as Tensor;
    expect(await derivative(total(y), x)).toEqual([24, 48, 72, 96, 120, 144]);
  });

  test("joins the gradients of slices that tile a tensor, and adds those that overlap", async () => {
    const part = (start: number, end: number): Tensor => slice(x, { axis: 1, start, end });
    const tiles = total(add(mul(part(0, 1), part(2, 3)), part(1, 2)));
    expect(await derivative(tiles, x)).toEqual([3, 1, 1, 6, 1, 4]);
    const { nodes } = decode({ g: gradient(tiles, [x])[0] as Tensor });
    expect(nodes).not.toContain("Pad");
    expect(nodes).not.toContain("Add");

    expect(await derivative(total(mul(part(0, 2), part(1, 3))), x)).toEqual([2, 4, 2, 5, 10, 5]);
    expect(await derivative(add(total(part(0, 2)), total(part(1, 2))), x)).toEqual([1, 2, 0, 1, 2, 0]);
    const top = slice(x, { axis: 0, start: 0, end: 1 });
    expect(await derivative(add(total(part(0, 1)), total(top)), x)).toEqual([2, 1, 1, 1, 0, 0]);
    expect(await derivative(total(scale(part(1, 2), 7)), x)).toEqual([0, 7, 0, 0, 7, 0]);
    expect(await derivative(total(add(part(0, 1), part(0, 1))), x)).toEqual([2, 0, 0, 2, 0, 0]);
  });
});

describe("the backward graph", () => {
  const weights = [input("w0", [3, 8]), input("w1", [8, 8]), input("w2", [8, 2])] as const;
  const hidden = tanh(matmul(x, weights[0], {}));
  const loss = total(matmul(tanh(matmul(hidden, weights[1], {})), weights[2], {}));
  const products = (outputs: Record<string, Tensor>): number =>
    decode(outputs).nodes.filter((type) => type.endsWith("MatMul")).length;

  test("holds only what leads to the wanted tensors", () => {
    const gradients = (wanted: readonly Tensor[]): Record<string, Tensor> => ({
      loss,
      ...Object.fromEntries(gradient(loss, wanted).map((g, i) => [`g${i}`, g])),
    });
    expect(products({ loss })).toBe(3);
    expect(products(gradients([weights[2]]))).toBe(4);
    expect(products(gradients([weights[1], weights[2]]))).toBe(6);
    expect(products(gradients([weights[0], weights[1], weights[2]]))).toBe(8);
    expect(products(gradients([x]))).toBe(6);
  });

  test("does not walk past stopGradient", () => {
    const frozen = total(matmul(stopGradient(hidden), weights[1], {}));
    const [g0, g1] = gradient(frozen, [weights[0], weights[1]]) as [Tensor, Tensor];
    expect(topological([g0]).some((t) => t.source.kind === "input")).toBe(false);
    expect(products({ g1 })).toBe(2);
  });

  test("of 10,000 operators is made, written and run without recursion", async () => {
    let y: Tensor = x;
    for (let i = 0; i < 5000; i++) y = sub(mul(y, scalar(0.9995)), x);
    const [g] = gradient(total(y), [x]) as [Tensor];
    const { nodes } = decode({ g });
    expect(nodes.length).toBeGreaterThan(10_000);
    const slope = 0.9995 ** 5000 - (1 - 0.9995 ** 5000) / (1 - 0.9995);
    const found = await derivative(total(y), x);
    for (const element of found) expect(element / slope).toBeCloseTo(1, 4);
  });

  // Between thread counts the bits differ: onnxruntime cuts a product's columns among threads, and a thread with
  // few columns adds up its rows in other blocks.
  test("gives the same bits in every run with the same number of threads", async () => {
    const { outputs, feeds } = smallNetwork();
    const [one, two] = [await evaluate(outputs, feeds, 1), await evaluate(outputs, feeds, 2)];
    for (let run = 0; run < 2; run++) {
      expectSameBits(await evaluate(outputs, feeds, 1), one);
      expectSameBits(await evaluate(outputs, feeds, 2), two);
    }
    for (const name of Object.keys(outputs))
      expectClose(two[name] as Float32Array, numbers(one[name] as Float32Array), 1e-5, name);
  });
});

/** Embedding, norm, gated layer and output head, large enough that several threads share the work. */
function smallNetwork(): { outputs: Record<string, Tensor>; feeds: Record<string, TensorData> } {
  const [rows, width, classes] = [96, 128, 1000];
  const random = new RandomStream(7);
  const feeds: Record<string, TensorData> = {
    tokens: BigInt64Array.from({ length: rows }, () => BigInt(random.integer(50))),
  };
  const weight = (name: string, ...shape: number[]): Tensor => {
    feeds[name] = (normal(...shape).draw(random) as Float32Array).map((x) => x / Math.sqrt(width));
    return input(name, shape);
  };
  const table = weight("table", 50, width);
  const gamma = weight("gamma", width);
  const up = weight("up", 512, width);
  const down = weight("down", width, 512);
  const head = weight("head", classes, width);

  const tokens = input("tokens", [rows], "int64");
  const embedded = gather(table, tokens, { unique: false });
  const inner = silu(matmul(rmsNorm(embedded, gamma, { epsilon: 1e-5 }), up, { transB: true }));
  const states = add(embedded, matmul(inner, down, { transB: true }));
  const loss = total(classLogProb(matmul(states, head, { transB: true }), tokens));
  const [dTable, dGamma, dUp, dDown, dHead] = gradient(loss, [table, gamma, up, down, head]) as Quintuple;
  return { outputs: { loss, dTable, dGamma, dUp, dDown, dHead }, feeds };
}

type Quintuple = [Tensor, Tensor, Tensor, Tensor, Tensor];
