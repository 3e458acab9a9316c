import {
  add,
  cast,
  exp,
  greater,
  maximum,
  minimum,
  mul,
  neg,
  reduceSum,
  reshape,
  scale,
  sub,
} from "../../autodiff/operators/index.ts";
import { scalar, type Tensor } from "../../autodiff/tensor.ts";
import type { Loss } from "../options.ts";
import type { UpdateOptions } from "../port.ts";

/** What a GRPO loss reads, [P, G, T] unless stated. */
export interface LossInputs {
  /** Of the policy that is being updated. */
  readonly logProbs: Tensor;
  /** Of the policy that sampled. */
  readonly oldLogProbs: Tensor;
  /** Of the fixed reference; null where beta is 0. */
  readonly referenceLogProbs: Tensor | null;
  /** [P, G]. */
  readonly advantages: Tensor;
  /** What each token counts in the loss (see `tokenWeights`); 0 leaves it out. */
  readonly weights: Tensor;
}

/** Scalars. */
export interface LossOutputs {
  readonly loss: Tensor;
  /** Σ of the tokens' k3 KL, over tokens with a weight. */
  readonly kl: Tensor;
  /** Number of tokens whose clipped ratio decided. */
  readonly clipped: Tensor;
}

/**
 * The clipped GRPO loss (DeepSeekMath 2402.03300, eq. 3; asymmetric clip from DAPO 2503.14476):
 * Σ w (-min(r A, clip(r, 1 - low, 1 + high) A) + beta (e^(ref - logp) - (ref - logp) - 1)), r = e^(logp - old).
 */
export function grpoLoss(
  x: LossInputs,
  options: Pick<UpdateOptions, "clipLow" | "clipHigh" | "beta">,
): LossOutputs {
  const { clipLow, clipHigh, beta } = options;
  const advantages = reshape(x.advantages, { shape: [...x.advantages.shape, 1] });
  // Tokens without a weight may carry anything; neither their ratio nor their gap may overflow.
  const used = cast(greater(x.weights, scalar(0)), { to: "float32" });
  const ratio = exp(mul(sub(x.logProbs, x.oldLogProbs), used));
  const clip = maximum(minimum(ratio, scalar(1 + clipHigh)), scalar(1 - clipLow));
  const free = mul(ratio, advantages);
  const bounded = mul(clip, advantages);
  const policyLoss = neg(minimum(free, bounded));
  const clipped = total(mul(cast(greater(free, bounded), { to: "float32" }), used));
  if (x.referenceLogProbs === null || beta === 0)
    return { loss: total(mul(x.weights, policyLoss)), kl: scalar(0), clipped };
  const gap = mul(sub(x.referenceLogProbs, x.logProbs), used);
  const kl = sub(sub(exp(gap), gap), scalar(1));
  return { loss: total(mul(x.weights, add(policyLoss, scale(kl, beta)))), kl: total(mul(kl, used)), clipped };
}

/** Σ -w log p: cross-entropy of given tokens, all [P, G, T]. */
export function crossEntropy(logProbs: Tensor, weights: Tensor): Tensor {
  return neg(total(mul(weights, logProbs)));
}

/**
 * How the losses differ: what one token of each rollout counts. `lengths` are the rollouts' active tokens.
 * `grpo`: the mean over rollouts of the token mean. `dr_grpo` (2503.20783): tokens over rollouts · maxTokens.
 * `dapo` (2503.14476): tokens over all active tokens.
 */
export function tokenWeights(loss: Loss, lengths: readonly number[], maxTokens: number): number[] {
  const rows = lengths.length;
  const tokens = lengths.reduce((sum, n) => sum + n, 0);
  switch (loss) {
    case "grpo":
      return lengths.map((n) => 1 / (rows * Math.max(1, n)));
    case "dr_grpo":
      return lengths.map(() => 1 / (rows * maxTokens));
    case "dapo":
      return lengths.map(() => 1 / Math.max(1, tokens));
  }
}

function total(x: Tensor): Tensor {
  return reduceSum(x, { axes: x.shape.map((_, axis) => axis), keepDims: false });
}
