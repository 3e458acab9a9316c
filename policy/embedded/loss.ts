import {
  add,
  cast,
  div,
  exp,
  greater,
  maximum,
  minimum,
  mul,
  neg,
  reduceSum,
  scale,
  stopGradient,
  sub,
} from "../../autodiff/operators/index.ts";
import { scalar, type Tensor } from "../../autodiff/tensor.ts";
import type { Clip, Loss } from "../options.ts";
import type { UpdateOptions } from "../port.ts";

/** What a GRPO loss reads, [P, G, T] unless stated. */
export interface LossInputs {
  /** Of the policy that is being updated. */
  readonly logProbs: Tensor;
  /** Of the policy that sampled. */
  readonly oldLogProbs: Tensor;
  /** Of the fixed reference; null where beta is 0. */
  readonly referenceLogProbs: Tensor | null;
  /** Or [P, G, 1], where a completion has one for all of its tokens. */
  readonly advantages: Tensor;
  /** What each token counts in the loss (see `tokenWeights`); 0 leaves it out. */
  readonly weights: Tensor;
}

/** What decides how a GRPO loss is computed. */
export type LossOptions = Pick<UpdateOptions, "loss" | "clipLow" | "clipHigh" | "beta" | "importanceCap">;

/** Scalars. */
export interface LossOutputs {
  readonly loss: Tensor;
  /** Σ of the tokens' k3 KL, over tokens with a weight. */
  readonly kl: Tensor;
  /** Number of tokens whose clipped ratio, or whose capped weight, decided. */
  readonly clipped: Tensor;
}

/**
 * A GRPO loss (DeepSeekMath 2402.03300, eq. 3): Σ w (c l + beta (e^(ref - logp) - (ref - logp) - 1)), where l is what
 * the loss has in `surrogates` and c is 1, or the truncated importance weight (Yao et al. 2025) min(e^(sg(logp) - old), cap).
 */
export function grpoLoss(x: LossInputs, options: LossOptions): LossOutputs {
  const { loss, beta, importanceCap } = options;
  // Tokens without a weight may carry anything; neither their ratio nor their gap may overflow.
  const used = asNumber(greater(x.weights, scalar(0)));
  const fixed = stopGradient(x.logProbs);
  const old = importanceCap === null ? x.oldLogProbs : fixed;
  const drift = mul(sub(x.logProbs, old), used);
  const { logProbs, advantages } = x;
  const policyLoss = surrogates[loss]({ logProbs, drift, advantages, used }, options);
  const weighted =
    importanceCap === null
      ? policyLoss
      : truncated(policyLoss, exp(mul(sub(fixed, x.oldLogProbs), used)), importanceCap);
  const clipped = total(mul(weighted.clipped, used));
  if (x.referenceLogProbs === null || beta === 0)
    return { loss: total(mul(x.weights, weighted.loss)), kl: scalar(0), clipped };
  const gap = mul(sub(x.referenceLogProbs, x.logProbs), used);
  const kl = sub(sub(exp(gap), gap), scalar(1));
  return {
    loss: total(mul(x.weights, add(weighted.loss, scale(kl, beta)))),
    kl: total(mul(kl, used)),
    clipped,
  };
}

/** What the policy's part of a loss reads, [P, G, T] unless stated. */
interface SurrogateInputs {
  readonly logProbs: Tensor;
  /** log r: of each token's ratio to the old policy, 0 where it is not used. */
  readonly drift: Tensor;
  /** Or [P, G, 1]. */
  readonly advantages: Tensor;
  /** 1 where a token is in the loss, else 0. */
  readonly used: Tensor;
}

/** Tokens' losses before KL and weights, and 1 where a clip decided; [P, G, T], or [P, G, 1] where they are a row's. */
interface TokenLosses {
  readonly loss: Tensor;
  readonly clipped: Tensor;
}

type Surrogate = (x: SurrogateInputs, clip: Clip) => TokenLosses;

/** -min(r A, clip(r, 1 - low, 1 + high) A), the clip asymmetric as in DAPO (2503.14476). */
const clippedRatio: Surrogate = ({ drift, advantages }, { clipLow, clipHigh }) => {
  const ratio = exp(drift);
  const clip = maximum(minimum(ratio, scalar(1 + clipHigh)), scalar(1 - clipLow));
  const free = mul(ratio, advantages);
  const bounded = mul(clip, advantages);
  return { loss: neg(minimum(free, bounded)), clipped: asNumber(greater(free, bounded)) };
};

/** -sg(min(r, 1 + high)) A log p: a capped token still teaches (CISPO, MiniMax-M1 2506.13585, eq. 4). */
const cappedWeight: Surrogate = ({ logProbs, drift, advantages }, { clipHigh }) => {
  const ratio = stopGradient(exp(drift));
  const cap = scalar(1 + clipHigh);
  const loss = neg(mul(mul(minimum(ratio, cap), advantages), logProbs));
  return { loss, clipped: asNumber(greater(ratio, cap)) };
};

/**
 * The clipped ratio of whole completions, the geometric mean of their tokens' (GSPO 2507.18071, eq. 7). Where tokens have
 * advantages of their own, each has that ratio, and the gradient of its own log-probability (GSPO-token, eq. 14).
 */
const sequenceRatio: Surrogate = ({ logProbs, drift, advantages, used }, clip) => {
  const axis = drift.shape.length - 1;
  const lengths = maximum(reduceSum(used, { axes: [axis], keepDims: true }), scalar(1));
  const mean = div(reduceSum(drift, { axes: [axis], keepDims: true }), lengths);
  const own = mul(sub(logProbs, stopGradient(logProbs)), used);
  const ratio = advantages.shape[axis] === 1 ? mean : add(stopGradient(mean), own);
  return clippedRatio({ logProbs, drift: ratio, advantages, used }, clip);
};

const surrogates: Readonly<Record<Loss, Surrogate>> = {
  grpo: clippedRatio,
  bnpo: clippedRatio,
  dr_grpo: clippedRatio,
  dapo: clippedRatio,
  cispo: cappedWeight,
  gspo: sequenceRatio,
};

/** Tokens' losses times their importance weights, which count at most `cap`. */
function truncated({ loss, clipped }: TokenLosses, weights: Tensor, cap: number): TokenLosses {
  const capped = asNumber(greater(weights, scalar(cap)));
  return { loss: mul(loss, minimum(weights, scalar(cap))), clipped: maximum(clipped, capped) };
}

/** Σ -w log p: cross-entropy of given tokens, all [P, G, T]. */
export function crossEntropy(logProbs: Tensor, weights: Tensor): Tensor {
  return neg(total(mul(weights, logProbs)));
}

function asNumber(condition: Tensor): Tensor {
  return cast(condition, { to: "float32" });
}

function total(x: Tensor): Tensor {
  return reduceSum(x, { axes: x.shape.map((_, axis) => axis), keepDims: false });
}
