import { describe, expect, test } from "vitest";
import { Session } from "../../autodiff/onnx/session.ts";
import { quantizedMatmul, rowSteps, toBytes } from "../../autodiff/operators/index.ts";
import { input, ShapeError } from "../../autodiff/tensor.ts";
import { RandomStream } from "../../common/random.ts";

const [inner, width] = [96, 40];
const stream = new RandomStream(3);
const weights = Float32Array.from({ length: width * inner }, () => stream.normal());

/** x Wᵀ with the weights in bytes, `steps` of which reach a row's greatest. */
async function product(x: Float32Array, steps = 63, threads = 1): Promise<Float32Array> {
  const w = input("w", [width, inner]);
  const size = rowSteps(w, { steps });
  const y = quantizedMatmul(input("x", [x.length / inner, inner]), toBytes(w, size), size);
  await using session = await Session.compile({ y }, { threads });
  return (await session.run({ x, w: weights })).y as Float32Array;
}

function rows(count: number, seed: number): Float32Array {
  const random = new RandomStream(seed);
  return Float32Array.from({ length: count * inner }, () => random.normal());
}

function exact(x: Float32Array): Float32Array {
  return Float32Array.from({ length: (x.length / inner) * width }, (_, at) => {
    const [row, column] = [Math.floor(at / width), at % width];
    let sum = 0;
    for (let k = 0; k < inner; k++)
      sum += (x[row * inner + k] as number) * (weights[column * inner + k] as number);
    return sum;
  });
}

const norm = (x: Float32Array): number => Math.hypot(...x);

describe("a product in bytes", () => {
  test("is near the exact one, nearer with more steps", async () => {
    const x = rows(8, 1);
    const wanted = exact(x);
    const error = async (steps: number): Promise<number> => {
      const found = await product(x, steps);
      return norm(found.map((y, i) => y - (wanted[i] as number))) / norm(wanted);
    };
    const [seven, four] = [await error(63), await error(7)];
    expect(seven).toBeLessThan(0.02);
    expect(seven).toBeLessThan(four / 4);
  });

  test("of a row depends on no other row, bit for bit", async () => {
    const x = rows(9, 2);
    x.subarray(0, inner).fill(1e6);
    const together = await product(x, 63, 2);
    for (let row = 0; row < 9; row++) {
      const alone = await product(x.slice(row * inner, (row + 1) * inner));
      expect([...together.subarray(row * width, (row + 1) * width)]).toEqual([...alone]);
    }
  });

  test("grows with its rows by powers of two, exactly", async () => {
    const x = rows(5, 4);
    const plain = await product(x);
    for (const factor of [2 ** 20, 2 ** -20])
      expect([...(await product(x.map((value) => value * factor)))]).toEqual([
        ...plain.map((y) => y * factor),
      ]);
  });

  test("of zeros is zero, and of what is no number none, in that row alone", async () => {
    const x = rows(3, 5);
    x.fill(0, 0, inner);
    x[inner] = Number.NaN;
    const y = await product(x);
    expect(new Set(y.subarray(0, width))).toEqual(new Set([0]));
    expect(y.subarray(width, 2 * width).every(Number.isNaN)).toBe(true);
    expect([...y.subarray(2 * width)]).toEqual([...(await product(x.slice(2 * inner)))]);
  });
});

test("what does not go together is refused", () => {
  const x = input("x", [2, 3]);
  const size = input("s", [4]);
  expect(() => quantizedMatmul(x, input("w", [5, 4], "int8"), size)).toThrow(/inner sizes 3 and 5 differ/);
  expect(() => quantizedMatmul(x, input("w", [3, 4]), size)).toThrow(ShapeError);
  expect(() => quantizedMatmul(x, input("w", [3, 5], "int8"), size)).toThrow(/expected 5 steps/);
  expect(() => toBytes(x, size)).toThrow(/expected 2 steps/);
  expect(() => rowSteps(size, { steps: 63 })).toThrow(/expected a float32 matrix/);
});
