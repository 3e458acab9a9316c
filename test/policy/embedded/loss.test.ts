import { describe, expect, test } from "vitest";
import { gradient } from "../../../autodiff/gradient.ts";
import { Session } from "../../../autodiff/onnx/session.ts";
import { input, type Tensor } from "../../../autodiff/tensor.ts";
import { RandomStream } from "../../../common/random.ts";
import { grpoLoss, type LossOptions } from "../../../policy/embedded/loss.ts";
import { losses, usualClip } from "../../../policy/options.ts";
import { tokenWeights } from "../../../policy/token_weights.ts";

const [rows, length] = [6, 7];
const stream = new RandomStream(3);
const normals = (count: number, scale: number): number[] =>
  Array.from({ length: count }, () => Math.fround(scale * stream.normal()));
const active = [7, 1, 4, 0, 6, 3];
const mask = active.flatMap((n) => Array.from({ length }, (_, t) => Number(t < n)));
const logProbs = normals(rows * length, 1).map((x) => Math.fround(-Math.abs(x) - 0.05));
const drifted = (scale: number): number[] =>
  normals(rows * length, scale).map((x, i) => Math.fround((logProbs[i] as number) + x));
const oldLogProbs = drifted(0.3);
const referenceLogProbs = drifted(0.4);
/** Of each row. */
const advantages = [1.2, -0.7, 0.4, 1, -1.5, 0.6];
/** Of each token: its row's, and one of its own. */
const spread = Array.from({ length: rows * length }, (_, i) => advantages[Math.floor(i / length)] as number);
const tokenAdvantages = normals(rows * length, 1);

const rowOf = (values: readonly number[], row: number): number[] =>
  values.slice(row * length, row * length + (active[row] as number));
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/**
 * The losses in double precision, a row at a time; `fixed` stands for the log-probabilities that no gradient flows through.
 * `given` are advantages of rows, or of tokens.
 */
function lossOf(
  own: readonly number[],
  fixed: readonly number[],
  options: LossOptions,
  given: readonly number[],
): number {
  const { loss, clipLow, clipHigh, beta, importanceCap } = options;
  const weights = tokenWeights(loss, active, 16);
  return sum(
    active.map((n, row) => {
      const [now, then, sampler, reference] = [own, fixed, oldLogProbs, referenceLogProbs].map((values) =>
        rowOf(values, row),
      ) as [number[], number[], number[], number[]];
      const old = importanceCap === null ? sampler : then;
      const advantageOf = (t: number) =>
        (given.length === rows ? given[row] : given[row * length + t]) as number;
      const ratios = (of: readonly number[]): number[] => of.map((x, t) => Math.exp(x - (old[t] as number)));
      const meanRatio = (of: readonly number[]) =>
        Math.exp(sum(of.map((x, t) => x - (old[t] as number))) / n);
      const bounded = (r: number): number => Math.min(Math.max(r, 1 - clipLow), 1 + clipHigh);
      const tokens = now.map((x, t) => {
        const advantage = advantageOf(t);
        const own = Math.exp(x - (then[t] as number));
        const whole = given.length === rows ? meanRatio(now) : meanRatio(then) * own;
        const ratio = loss === "gspo" ? whole : (ratios(now)[t] as number);
        const policy =
          loss === "cispo"
            ? -Math.min(ratios(then)[t] as number, 1 + clipHigh) * advantage * x
            : -Math.min(ratio * advantage, bounded(ratio) * advantage);
        const drift = Math.exp((then[t] as number) - (sampler[t] as number));
        const importance = importanceCap === null ? 1 : Math.min(drift, importanceCap);
        const gap = (reference[t] as number) - x;
        return importance * policy + beta * (Math.exp(gap) - gap - 1);
      });
      return (weights[row] as number) * sum(tokens);
    }),
  );
}

/** Loss, gradient and counts as the graph has them, by advantages of rows, or of tokens. */
async function graphOf(
  options: LossOptions,
  given: readonly number[] = advantages,
): Promise<Record<string, Float32Array>> {
  const tokens = (name: string): Tensor => input(name, [2, 3, length]);
  const own = tokens("own");
  const result = grpoLoss(
    {
      logProbs: own,
      oldLogProbs: tokens("old"),
      referenceLogProbs: tokens("reference"),
      advantages: input("advantages", [2, 3, given.length / rows]),
      weights: tokens("weights"),
    },
    options,
  );
  const [g] = gradient(result.loss, [own]) as [Tensor];
  await using session = await Session.compile({ ...result, g }, { threads: 1 });
  const weights = tokenWeights(options.loss, active, 16);
  return await session.run({
    own: Float32Array.from(logProbs),
    old: Float32Array.from(oldLogProbs),
    reference: Float32Array.from(referenceLogProbs),
    advantages: Float32Array.from(given),
    weights: Float32Array.from(mask, (m, i) => m * (weights[Math.floor(i / length)] as number)),
  });
}

const caps = [null, 1.1];
const cases = losses.flatMap((loss) =>
  caps.flatMap((importanceCap) => [
    { loss, importanceCap, of: "rows", given: advantages },
    { loss, importanceCap, of: "tokens", given: tokenAdvantages },
  ]),
);

describe("the gradient of a loss is what finite differences find", () => {
  test.each(cases)("$loss, importance capped at $importanceCap, advantages of $of", async (each) => {
    const { loss, importanceCap, given } = each;
    // Clips between the ratios, GSPO's too, so that some decide and none stands on an edge.
    const options: LossOptions = { loss, clipLow: 0.12, clipHigh: 0.13, beta: 0.05, importanceCap };
    const { g, loss: value, clipped } = await graphOf(options, given);
    expect(value?.[0]).toBeCloseTo(lossOf(logProbs, logProbs, options, given), 5);
    expect(clipped?.[0]).toBeGreaterThan(0);
    const h = 1e-6;
    const found = logProbs.map((x, i) => {
      const at = (moved: number): number => lossOf(logProbs.with(i, moved), logProbs, options, given);
      return (at(x + h) - at(x - h)) / (2 * h);
    });
    found.forEach((slope, i) => {
      expect(g?.[i]).toBeCloseTo(slope, 6);
    });
  });
});

test.each(losses)("%s: equal advantages of a row's tokens are that row's advantage", async (loss) => {
  const options = { loss, clipLow: 0.12, clipHigh: 0.13, beta: 0.05, importanceCap: null };
  const [one, each] = [await graphOf(options), await graphOf(options, spread)];
  for (const name of ["loss", "g", "clipped"]) {
    // GSPO's gradient is that of its ratio's mean, or of each token.
    if (loss !== "gspo") expect(each[name]).toEqual(one[name]);
    one[name]?.forEach((value, i) => {
      expect(each[name]?.[i]).toBeCloseTo(value, 6);
    });
  }
});

test("without a clip and a cap, weighting by importance is the plain ratio's gradient", async () => {
  const open = { loss: "dapo", clipLow: 1, clipHigh: 1e6, beta: 0 } as const;
  const plain = await graphOf({ ...open, importanceCap: null });
  const weighted = await graphOf({ ...open, importanceCap: 1e6 });
  plain.g?.forEach((slope, i) => {
    expect(weighted.g?.[i]).toBeCloseTo(slope, 6);
  });
  expect([plain.clipped?.[0], weighted.clipped?.[0]]).toEqual([0, 0]);
});

test("the usual clip of GSPO is far narrower than that of tokens, and CISPO's cap is ScaleRL's", () => {
  expect(usualClip.gspo.clipHigh).toBeLessThan(usualClip.dapo.clipHigh / 100);
  expect(1 + usualClip.cispo.clipHigh).toBe(5);
});
