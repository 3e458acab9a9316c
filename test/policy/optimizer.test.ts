import { expect, test } from "vitest";
import { RandomStream } from "../../common/random.ts";
import { AdamW, globalNorm } from "../../policy/optimizer.ts";

const options = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, maxGradientNorm: 1 };

test("a long vector has the bits of its parts, whichever pieces they are stepped in", async () => {
  const size = 2 ** 20 + 70_001;
  const stream = new RandomStream(3);
  const draw = (): Float32Array => Float32Array.from({ length: size }, () => stream.uniform() - 0.5);
  const weights = draw();
  const gradients = [draw(), draw()];
  const stepped = async (bounds: readonly number[]): Promise<[AdamW, Float32Array]> => {
    const optimizer = new AdamW(size, options, 1);
    const parameters = weights.slice();
    const ranges = bounds.slice(1).map((end, i) => ({ start: bounds[i] as number, end, learningRate: 1e-3 }));
    for (const gradient of gradients)
      await optimizer.step(parameters, gradient, globalNorm(gradient), ranges);
    return [optimizer, parameters];
  };
  const [whole, parameters] = await stepped([0, size]);
  const [parts, others] = await stepped([0, 5, 99_999, 500_000, size]);
  await using _whole = whole;
  await using _parts = parts;
  expect(sameBits(parameters, others)).toBe(true);
  expect(sameBits(whole.state.firstMoment, parts.state.firstMoment)).toBe(true);
  expect(sameBits(whole.state.secondMoment, parts.state.secondMoment)).toBe(true);
  expect(parameters.every((x, i) => x !== weights[i])).toBe(true);
});

/** Arrays too long for an assertion on their elements. */
function sameBits(a: Float32Array, b: Float32Array): boolean {
  return Buffer.compare(Buffer.from(a.buffer), Buffer.from(b.buffer)) === 0;
}

test("gradients that are clipped may be larger than the root of the largest number", async () => {
  await using optimizer = new AdamW(1, options, 1);
  const parameters = Float32Array.of(1);
  await optimizer.step(parameters, Float32Array.of(1e30), 1e30, [{ start: 0, end: 1, learningRate: 0.1 }]);
  expect(parameters[0]).toBeCloseTo(1 - 0.001 - 0.1, 6);
  expect(optimizer.state.secondMoment[0]).toBeCloseTo(0.001, 8);
});
