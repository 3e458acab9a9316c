import { describe, expect, test } from "vitest";
import { gradient } from "../../../autodiff/gradient.ts";
import { Session } from "../../../autodiff/onnx/session.ts";
import { input, type Tensor } from "../../../autodiff/tensor.ts";
import { RandomStream } from "../../../common/random.ts";
import { grpoLoss, type LossOptions } from "../../../policy/embedded/loss.ts";
import { losses, usualClip } from "../../../policy/options.ts";
import { grpoObjective, type ScoredRollout } from "../../../policy/remote/objective.ts";

const [rows, length] = [5, 6];
const stream = new RandomStream(11);
const normals = (scale: number): Float32Array[] =>
  Array.from({ length: rows }, () => Float32Array.from({ length }, () => scale * stream.normal()));
const logProbs = normals(1).map((row) => row.map((x) => -Math.abs(x) - 0.05));
const drifted = (scale: number): Float32Array[] =>
  normals(scale).map((row, r) => row.map((x, t) => x + (logProbs[r]?.[t] as number)));
const [oldLogProbs, referenceLogProbs] = [drifted(0.3), drifted(0.5)];
const masks = Array.from({ length: rows }, (_, r) =>
  Uint8Array.from({ length }, (_, t) => Number(t <= 6 - r)),
);
const perToken = normals(1);
const weights = [0.1, 0.05, 0.2, 0, 0.3];

/** A loss and its derivative by the graph that policies on this machine learn with. */
async function byGraph(options: LossOptions, ofTokens: boolean) {
  const tensor = (name: string, last = length): Tensor => input(name, [1, rows, last]);
  const x = tensor("logProbs");
  const { loss, kl, clipped } = grpoLoss(
    {
      logProbs: x,
      oldLogProbs: tensor("old"),
      referenceLogProbs: tensor("reference"),
      advantages: tensor("advantages", ofTokens ? length : 1),
      weights: tensor("weights"),
    },
    options,
  );
  const [slope] = gradient(loss, [x]);
  const outputs = { loss, kl, clipped, slope: slope as Tensor };
  await using session = await Session.compile(outputs, { threads: 1 });
  const flat = (values: readonly ArrayLike<number>[]): Float32Array =>
    Float32Array.from(values.flatMap((row) => Array.from(row)));
  return await session.run({
    logProbs: flat(logProbs),
    old: flat(oldLogProbs),
    reference: flat(referenceLogProbs),
    advantages: ofTokens ? flat(perToken) : Float32Array.from(perToken, (row) => row[0] as number),
    weights: flat(masks.map((mask, r) => Array.from(mask, (m) => m * (weights[r] as number)))),
  });
}

describe.each(losses)("%s", (loss) => {
  test.each([
    { beta: 0, importanceCap: null, ofTokens: false },
    { beta: 0.04, importanceCap: null, ofTokens: true },
    { beta: 0.04, importanceCap: 1.1, ofTokens: false },
    { beta: 0, importanceCap: 1.1, ofTokens: true },
  ])("as the graph has it: %o", async ({ ofTokens, ...own }) => {
    const options = { loss, ...usualClip[loss], ...own };
    const graph = await byGraph(options, ofTokens);
    const rollouts = logProbs.map((row, r): ScoredRollout => {
      const advantage = ofTokens ? (perToken[r] as Float32Array) : (perToken[r]?.[0] as number);
      const scored = { logProbs: row, oldLogProbs: oldLogProbs[r] as Float32Array };
      const kept = { referenceLogProbs: referenceLogProbs[r] as Float32Array, mask: masks[r] as Uint8Array };
      return { ...scored, ...kept, advantage, weight: weights[r] as number };
    });
    const found = grpoObjective(rollouts, options);
    expect(found.loss).toBeCloseTo(graph.loss?.[0] as number, 5);
    if (own.beta > 0) expect(found.kl).toBeCloseTo(graph.kl?.[0] as number, 4);
    expect(found.clipped).toBe(graph.clipped?.[0]);
    const slopes = found.slopes.flatMap((row) => [...row]);
    for (const [i, slope] of slopes.entries())
      expect(slope, `${i}`).toBeCloseTo(graph.slope?.[i] as number, 5);
  });
});
