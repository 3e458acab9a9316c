import { zip } from "../../common/zip.ts";
import type { TrainingRollout, UpdateOptions } from "../port.ts";
import { type GapSums, gapSums, joinGaps } from "../sampler_gap.ts";

/** A rollout as a loss sees it. */
export interface ScoredRollout extends Omit<TrainingRollout, "completion"> {
  /** Under the policy that is being updated, [T]. */
  readonly logProbs: Float32Array;
  /** Under the policy that sampled, [T]. */
  readonly oldLogProbs: Float32Array;
  /** What each of its tokens counts in the loss; where it is masked, none. */
  readonly weight: number;
}

/** What a loss comes to, and how it changes with each token's log-probability. */
export interface Objective {
  readonly loss: number;
  /** Σ of the tokens' k3 KL. */
  readonly kl: number;
  /** Tokens whose clipped ratio, or whose capped weight, decided. */
  readonly clipped: number;
  /** How far what is updated is from what sampled; null where nothing is learnt from. */
  readonly gap: GapSums | null;
  /** dL / d log p, [rollouts][T]. */
  readonly slopes: readonly Float32Array[];
}

type LossOptions = Pick<UpdateOptions, "loss" | "clipLow" | "clipHigh" | "beta" | "importanceCap">;

/**
 * A GRPO loss (`grpoLoss` in policy/embedded) and its derivative by each log-probability, as numbers. A server that only sums
 * log-probabilities, each times a number, has the loss's exact gradient by the negative of these.
 */
export function grpoObjective(rollouts: readonly ScoredRollout[], options: LossOptions): Objective {
  let [loss, kl, clipped] = [0, 0, 0];
  const slopes = rollouts.map((rollout) => {
    const { weight, mask, logProbs, referenceLogProbs } = rollout;
    const tokens = surrogateOf(rollout, options);
    return Float32Array.from(logProbs, (logProb, t) => {
      if (weight === 0 || mask?.[t] === 0) return 0;
      const token = tokens(t);
      loss += weight * token.loss;
      clipped += Number(token.isClipped);
      if (options.beta === 0 || !referenceLogProbs) return weight * token.slope;
      const gap = (referenceLogProbs[t] as number) - logProb;
      const divergence = Math.exp(gap) - gap - 1;
      kl += divergence;
      loss += weight * options.beta * divergence;
      return weight * (token.slope + options.beta * (1 - Math.exp(gap)));
    });
  });
  return { loss, kl, clipped, gap: joinGaps(rollouts.map(gapOf)), slopes };
}

function gapOf({ logProbs, oldLogProbs, weight, mask }: ScoredRollout): GapSums | null {
  return weight === 0
    ? null
    : gapSums(logProbs, oldLogProbs, mask ?? new Uint8Array(logProbs.length).fill(1));
}

interface TokenLoss {
  readonly loss: number;
  readonly isClipped: boolean;
  readonly slope: number;
}

/** The policy's part of a rollout's loss, token by token. */
function surrogateOf(rollout: ScoredRollout, options: LossOptions): (t: number) => TokenLoss {
  const { logProbs, oldLogProbs, advantage, mask } = rollout;
  const { loss, clipHigh, importanceCap } = options;
  const at = (values: ArrayLike<number>, t: number): number => values[t] as number;
  const advantageAt = (t: number) => (typeof advantage === "number" ? advantage : at(advantage, t));
  const driftAt = (t: number) => (importanceCap === null ? at(logProbs, t) - at(oldLogProbs, t) : 0);
  const truncated = (t: number, token: TokenLoss): TokenLoss => {
    if (importanceCap === null) return token;
    const weight = Math.exp(at(logProbs, t) - at(oldLogProbs, t));
    const counted = Math.min(weight, importanceCap);
    const isClipped = token.isClipped || weight > importanceCap;
    return { loss: counted * token.loss, slope: counted * token.slope, isClipped };
  };
  switch (loss) {
    case "cispo":
      return (t) => {
        const ratio = Math.exp(driftAt(t));
        const slope = -Math.min(ratio, 1 + clipHigh) * advantageAt(t);
        return truncated(t, { loss: slope * at(logProbs, t), slope, isClipped: ratio > 1 + clipHigh });
      };
    case "gspo": {
      const used = [...logProbs.keys()].filter((t) => mask?.[t] !== 0);
      const mean = (values: readonly number[]): number =>
        values.reduce((sum, value) => sum + value, 0) / Math.max(1, used.length);
      const ratio = Math.exp(mean(used.map(driftAt)));
      const token = (t: number) => truncated(t, clippedRatio(ratio, advantageAt(t), options));
      if (typeof advantage !== "number") return token;
      // The whole's ratio moves with each token's log-probability, and with it every token's loss.
      const slope = mean(used.map((t) => token(t).slope));
      return (t) => ({ ...token(t), slope });
    }
    default:
      return (t) => truncated(t, clippedRatio(Math.exp(driftAt(t)), advantageAt(t), options));
  }
}

/** -min(r A, clip(r) A), and its derivative by log r. */
function clippedRatio(
  ratio: number,
  advantage: number,
  { clipLow, clipHigh }: Pick<LossOptions, "clipLow" | "clipHigh">,
): TokenLoss {
  const free = ratio * advantage;
  const bounded = Math.max(Math.min(ratio, 1 + clipHigh), 1 - clipLow) * advantage;
  const isClipped = free > bounded;
  return { loss: -Math.min(free, bounded), isClipped, slope: isClipped ? 0 : -free };
}

/** Cross-entropy, Σ -w log p; weights are a number for each sequence. */
export function crossEntropy(logProbs: readonly Float32Array[], weights: readonly number[]): number {
  return zip(logProbs, weights).reduce(
    (sum, [own, weight]) => sum - weight * own.reduce((total, value) => total + value, 0),
    0,
  );
}
