import { zip } from "../../common/zip.ts";
import type { OptimizerOptions } from "../options.ts";
import type { AdamParams } from "./messages.ts";
import type { RemoteModel } from "./remote_model.ts";
import { datumOf, sampledLogProbs, type TokenSequence } from "./sequences.ts";

/** What a loss on a server is: a sum over tokens, or a mean over data of means over their tokens. */
export type Reduction = "sum" | "mean";

/** A sequence, its sampled tokens' log-probabilities as they are, and how a loss changes with each of them, [T]. */
export interface Slope {
  readonly sequence: TokenSequence;
  readonly logProbs: Float32Array;
  readonly slope: Float32Array;
}

/** Log-probabilities of what was sampled, [sequences][T]. */
export async function scoreSequences(
  model: RemoteModel,
  sequences: readonly TokenSequence[],
  signal?: AbortSignal,
): Promise<Float32Array[]> {
  if (sequences.length === 0) return [];
  const data = sequences.map((sequence) => datumOf(sequence, { weights: ones(sequence) }));
  const scored = await model.forward(data, signal);
  return zip(sequences, scored).map(([sequence, logProbs]) => sampledLogProbs(sequence, logProbs));
}

/**
 * Adds a loss's gradient to what the model's next step takes. Each token's ratio to the pass before is 1, so that the
 * gradient of Σ -r A is that of the loss where A is the negative slope. Where nothing moves there is a gradient all the same,
 * of zeros: the optimiser's moments move.
 */
export async function addGradient(
  model: RemoteModel,
  slopes: readonly Slope[],
  reduction: Reduction,
  signal?: AbortSignal,
): Promise<void> {
  const moving = slopes.filter(({ slope }) => slope.some((value) => value !== 0));
  const moved = moving.length > 0 ? moving : slopes;
  if (moved.length === 0)
    throw new RangeError("an optimiser step needs gradients: there was nothing to learn from");
  const data = moved.map(({ sequence, logProbs, slope }) => {
    const scale = reduction === "sum" ? 1 : slope.length * moved.length;
    const advantages = slope.map((value) => -value * scale);
    return datumOf(sequence, { weights: ones(sequence), logprobs: logProbs, advantages });
  });
  await model.differentiate(data, "importance_sampling", signal);
}

/** A step of an optimiser as a server is asked for it. */
export function stepParams(
  { beta1, beta2, epsilon, weightDecay, maxGradientNorm }: OptimizerOptions,
  learningRate: number,
): AdamParams {
  return { learningRate, beta1, beta2, epsilon, weightDecay, gradientClipNorm: maxGradientNorm ?? 0 };
}

function ones({ sampled }: TokenSequence): Float32Array {
  return new Float32Array(sampled.length).fill(1);
}

/** The mean difference of two sequences' log-probabilities, per token. */
export function meanGap(a: Float32Array, b: Float32Array): number {
  const gaps = zip([...a], [...b]).map(([x, y]) => Math.abs(x - y));
  return gaps.reduce((sum, gap) => sum + gap, 0) / Math.max(1, gaps.length);
}
