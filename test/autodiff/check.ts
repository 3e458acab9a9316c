import { expect } from "vitest";
import { gradient } from "../../autodiff/gradient.ts";
import { type Feeds, Session } from "../../autodiff/onnx/session.ts";
import { add, cast, mul, reduceSum } from "../../autodiff/operators/index.ts";
import { input, type Tensor } from "../../autodiff/tensor.ts";
import { dtypeOf, sizeOf, type TensorData } from "../../autodiff/tensor_type.ts";
import { deriveSeed, RandomStream } from "../../common/random.ts";
import type { NdArray } from "./array.ts";
import { runAsFor, testDevice, writtenOtherwise } from "./devices.ts";

/** An input of a case: a shape, and elements drawn when the case runs. */
export interface Value {
  readonly shape: readonly number[];
  draw(random: RandomStream): TensorData;
}

const value = (shape: readonly number[], element: (random: RandomStream, i: number) => number): Value => ({
  shape,
  draw: (random) => Float32Array.from({ length: sizeOf(shape) }, (_, i) => element(random, i)),
});

export const normal = (...shape: number[]): Value => value(shape, (random) => random.normal());
export const positive = (...shape: number[]): Value => value(shape, (random) => random.between(0.5, 2));
export const given = (data: TensorData, ...shape: number[]): Value => ({ shape, draw: () => data });
export const ids = (data: readonly number[], ...shape: number[]): Value =>
  given(BigInt64Array.from(data, BigInt), ...(shape.length > 0 ? shape : [data.length]));
export const bools = (...shape: number[]): Value => ({
  shape,
  draw: (random) => Uint8Array.from({ length: sizeOf(shape) }, () => random.integer(2)),
});

/** One use of an operator. */
export interface Case {
  readonly inputs: readonly Value[];
  readonly build: (...x: Tensor[]) => Tensor;
  /** The same in float64. */
  readonly reference: (...x: NdArray[]) => NdArray;
  /** No gradient flows although the result changes. */
  readonly stops?: boolean;
  /** Relative error of the gradients where they are not computed in float32. */
  readonly tolerance?: number;
}

export function total(x: Tensor): Tensor {
  const float = x.dtype === "float32" ? x : cast(x, { to: "float32" });
  return reduceSum(float, { axes: x.shape.map((_, axis) => axis), keepDims: false });
}

/**
 * Compares an operator with its float64 reference: the result with its shape and element type, the gradients of
 * L = Σ w y with central differences of the reference, and the gradients of Σ u · ∂L/∂x with mixed ones. What is
 * written otherwise for some device must compute the same.
 */
export async function checkCase(
  name: string,
  { inputs, build, reference, stops = false, tolerance = 1e-5 }: Case,
): Promise<void> {
  const random = new RandomStream(deriveSeed(1, name));
  const drawn = inputs.map((v) => v.draw(random));
  const xs = inputs.map(({ shape }, i) => input(`x${i}`, shape, dtypeOf(drawn[i] as TensorData)));
  const y = build(...xs);
  const smooth = xs.filter((x) => x.dtype === "float32");
  const noise = (shape: readonly number[]): Float32Array => normal(...shape).draw(random) as Float32Array;

  const loss = total(mul(cast(y, { to: "float32" }), input("w", y.shape)));
  const first = gradient(loss, smooth);
  const second = gradient(
    first.map((g, i) => total(mul(g, input(`u${i}`, g.shape)))).reduce(add, total(input("zero", []))),
    smooth,
  );
  const feeds: Record<string, TensorData> = { w: noise(y.shape), zero: Float32Array.of(0) };
  drawn.forEach((data, i) => {
    feeds[`x${i}`] = data;
  });
  smooth.forEach((x, i) => {
    feeds[`u${i}`] = noise(x.shape);
  });

  const fetched = { y, ...named("first", first), ...named("second", second) };
  await using session = await Session.compile(fetched, { threads: 1, device: testDevice });
  const result: Record<string, TensorData> = await session.run(feeds);
  for (const device of writtenOtherwise(fetched)) {
    const other = await runAsFor(device, fetched, feeds);
    for (const [output, data] of Object.entries(other))
      expectClose(data, numbers(result[output] as TensorData), 1e-5, `${output} as written for ${device}`);
  }

  const points = drawn.map(numbers);
  const evaluate = (at: readonly number[][]): NdArray =>
    reference(...at.map((data, i) => ({ shape: inputs[i]?.shape ?? [], data })));
  const expected = evaluate(points);
  expect(y.shape, "shape").toEqual(expected.shape);
  expect(dtypeOf(result.y as TensorData), "element type").toBe(y.dtype);
  expectClose(result.y as TensorData, expected.data, 2e-6, "result");

  const w = numbers(feeds.w as TensorData);
  const lossAt = (at: readonly number[][]): number =>
    evaluate(at).data.reduce((sum, element, i) => sum + element * (w[i] as number), 0);
  const positions = xs.flatMap((x, i) => (x.dtype === "float32" ? [i] : []));
  const directions = points.map((point, i) =>
    positions.includes(i) ? numbers(feeds[`u${positions.indexOf(i)}`] as TensorData) : point.map(() => 0),
  );
  positions.forEach((position, i) => {
    const zeros = (points[position] as number[]).map(() => 0);
    const slope = stops ? zeros : zeros.map((_, j) => difference(lossAt, points, position, j));
    const bend = stops
      ? zeros
      : zeros.map((_, j) => mixedDifference(lossAt, points, directions, position, j));
    expectClose(result[`first${i}`] as TensorData, slope, tolerance, `gradient of input ${position}`);
    expectClose(
      result[`second${i}`] as TensorData,
      bend,
      10 * tolerance,
      `second gradient of input ${position}`,
    );
  });
}

const named = (prefix: string, xs: readonly Tensor[]): Record<string, Tensor> =>
  Object.fromEntries(xs.map((x, i) => [`${prefix}${i}`, x]));

/** ∂f/∂x_j of one input, by central differences. */
function difference(f: (at: number[][]) => number, points: number[][], input: number, j: number): number {
  const step = 1e-4;
  return (f(moved(points, input, j, step)) - f(moved(points, input, j, -step))) / (2 * step);
}

/** ∂/∂x_j of the derivative of f in a direction. */
function mixedDifference(
  f: (at: number[][]) => number,
  points: number[][],
  directions: number[][],
  input: number,
  j: number,
): number {
  const step = 1e-3;
  const along = (sign: number): number[][] =>
    points.map((x, i) => x.map((element, k) => element + sign * step * (directions[i]?.[k] as number)));
  const corner = (a: number, b: number): number => f(moved(along(a), input, j, b * step));
  return (corner(1, 1) - corner(1, -1) - corner(-1, 1) + corner(-1, -1)) / (4 * step * step);
}

function moved(points: number[][], input: number, j: number, by: number): number[][] {
  return points.map((x, i) => (i === input ? x.map((element, k) => (k === j ? element + by : element)) : x));
}

/** The elements as numbers; float16 from its bits. */
export function numbers(data: TensorData): number[] {
  if (data instanceof Uint16Array) return Array.from(data, halfToNumber);
  return Array.from(data as Float32Array, Number);
}

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The error of the whole vector relative to its norm, or absolute where the norm is below 1. */
export function expectClose(
  actual: TensorData | readonly number[],
  expected: readonly number[],
  tolerance: number,
  what: string,
): void {
  const found = Array.isArray(actual) ? actual : numbers(actual as TensorData);
  expect(found.length, what).toBe(expected.length);
  const length = (xs: readonly number[]): number => Math.sqrt(xs.reduce((sum, n) => sum + n * n, 0));
  const error = length(expected.map((n, i) => n - (found[i] as number))) / Math.max(1, length(expected));
  if (!(error <= tolerance))
    expect.fail(
      `${what}: relative error ${error} above ${tolerance}\n  got ${head(found)}\n  for ${head(expected)}`,
    );
}

/** Compiles, runs once, releases. */
export async function evaluate(
  outputs: Readonly<Record<string, Tensor>>,
  feeds: Feeds = {},
  threads = 1,
): Promise<Record<string, Float32Array>> {
  await using session = await Session.compile(outputs, { threads });
  return await session.run(feeds);
}

/** Every output bit by bit, so that 0 is not -0. */
export function expectSameBits(
  actual: Readonly<Record<string, Float32Array>>,
  expected: Readonly<Record<string, Float32Array>>,
): void {
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  const bits = ({ buffer, byteOffset, byteLength }: Float32Array): Buffer =>
    Buffer.from(buffer, byteOffset, byteLength);
  const different = Object.entries(expected).flatMap(([name, x]) =>
    bits(actual[name] as Float32Array).equals(bits(x)) ? [] : [name],
  );
  expect(different).toEqual([]);
}

const head = (elements: readonly number[]): string => elements.slice(0, 24).join(" ");
