import { describe, expect, test } from "vitest";
import { RandomStream } from "../../../common/random.ts";
import { chooseToken } from "../../../policy/embedded/choose_token.ts";

const logits = [1.5, -0.5, 0.25, 1.5, -3, 0, 0.75, -1];
const plain = { temperature: 1, topK: 0, topP: 1 };

/** softmax(logits / temperature), rounded as a graph gives it. */
function probabilities(temperature: number): Float32Array {
  const weights = logits.map((x) => Math.exp(x / (temperature || 1)));
  const sum = weights.reduce((a, b) => a + b, 0);
  return Float32Array.from(weights, (w) => w / sum);
}

/** The distribution that remains on `kept`. */
function restricted(p: Float32Array, kept: readonly number[]): number[] {
  const mass = kept.reduce((sum, i) => sum + (p[i] as number), 0);
  return Array.from(p, (x, i) => (kept.includes(i) ? x / mass : 0));
}

/** How often each token is drawn. */
function frequencies(options: typeof plain, draws: number): number[] {
  const stream = new RandomStream(20);
  const p = probabilities(options.temperature);
  const counts = new Array<number>(logits.length).fill(0);
  for (let i = 0; i < draws; i++) {
    const { token } = chooseToken(p, options, stream.uniform());
    counts[token] = (counts[token] as number) + 1;
  }
  return counts;
}

describe("draws follow the exact distribution", () => {
  // By descending logit: 0 and 3 (equal), 6, 2, 5, 1, 7, 4.
  const cases = [
    { name: "all tokens", options: plain, kept: [0, 1, 2, 3, 4, 5, 6, 7] },
    { name: "temperature 0.5", options: { ...plain, temperature: 0.5 }, kept: [0, 1, 2, 3, 4, 5, 6, 7] },
    { name: "temperature 3", options: { ...plain, temperature: 3 }, kept: [0, 1, 2, 3, 4, 5, 6, 7] },
    { name: "top-k 3", options: { ...plain, topK: 3 }, kept: [0, 3, 6] },
    { name: "top-k above the vocabulary", options: { ...plain, topK: 100 }, kept: [0, 1, 2, 3, 4, 5, 6, 7] },
    // Probabilities 0.312, 0.312, 0.147, 0.089, 0.070 …: 0.7 needs three of them, 0.8 four.
    { name: "top-p 0.7", options: { ...plain, topP: 0.7 }, kept: [0, 3, 6] },
    { name: "top-p 0.8", options: { ...plain, topP: 0.8 }, kept: [0, 3, 6, 2] },
    { name: "top-p 0.8 of top-k 3", options: { ...plain, topK: 3, topP: 0.8 }, kept: [0, 3, 6] },
  ];

  test.each(cases)("$name", ({ options, kept }) => {
    const draws = 20_000;
    const counts = frequencies(options, draws);
    const wanted = restricted(probabilities(options.temperature), kept);
    let chiSquare = 0;
    counts.forEach((count, i) => {
      const mean = draws * (wanted[i] as number);
      if (mean === 0) expect(count).toBe(0);
      else chiSquare += (count - mean) ** 2 / mean;
    });
    // The 99.9 % quantile for up to 7 degrees of freedom; the seed is fixed.
    expect(chiSquare).toBeLessThan(24.3);
  });
});

test.each([plain, { temperature: 0.7, topK: 2, topP: 0.5 }])(
  "log-probabilities are those at the temperature, before top-k and top-p",
  (options) => {
    const p = probabilities(options.temperature);
    for (let i = 0; i < 50; i++) {
      const { token, logProb } = chooseToken(p, options, i / 50);
      expect(logProb).toBeCloseTo(Math.log(p[token] as number), 6);
    }
  },
);

test("temperature 0 takes the first of the most likely tokens, with its log-probability at temperature 1", () => {
  const p = probabilities(0);
  for (const uniform of [0, 0.5, 0.999]) {
    const { token, logProb } = chooseToken(p, { temperature: 0, topK: 0, topP: 1 }, uniform);
    expect(token).toBe(0);
    expect(logProb).toBeCloseTo(Math.log(p[0] as number), 6);
  }
});

test("a top-p below the largest probability leaves the most likely token, of equals the first", () => {
  for (const uniform of [0, 0.5, 0.999])
    expect(chooseToken(probabilities(1), { ...plain, topP: 0.01 }, uniform).token).toBe(0);
});

test("probabilities need not sum to one", () => {
  const halves = Float32Array.of(0.25, 0.25);
  expect(chooseToken(halves, plain, 0.49).token).toBe(0);
  expect(chooseToken(halves, plain, 0.51)).toEqual({ token: 1, logProb: Math.log(0.5) });
});

test("a token of probability 0 is never drawn", () => {
  for (const uniform of [0, 0.5, 1 - 2 ** -32])
    expect(chooseToken(Float32Array.of(0, 0, 1, 0), plain, uniform)).toEqual({ token: 2, logProb: 0 });
});

test("the largest uniform number still draws a token", () => {
  const flat = new Float32Array(1000).fill(0.001);
  expect(chooseToken(flat, plain, 1 - 2 ** -32).token).toBe(999);
});

test("what is not a number is refused", () => {
  expect(() => chooseToken(Float32Array.of(0.5, Number.NaN), plain, 0)).toThrow(/logits are not numbers/);
});
