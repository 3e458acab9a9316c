import type { SamplerGap } from "./port.ts";

/** Sums over tokens that were sampled and are learnt from, of δ: their log-probability at the update less that at sampling. */
export interface GapSums {
  /** Σ |δ|. */
  readonly sum: number;
  /** The greatest |δ|. */
  readonly greatest: number;
  /** Σ e^δ - δ - 1, whose mean estimates the KL of what sampled to what learns (k3). */
  readonly kl: number;
}

/** Of the tokens that have a weight; all [N]. */
export function gapSums(now: Float32Array, atSampling: Float32Array, weights: ArrayLike<number>): GapSums {
  let [sum, greatest, kl] = [0, 0, 0];
  for (let i = 0; i < now.length; i++) {
    if ((weights[i] as number) === 0) continue;
    const difference = (now[i] as number) - (atSampling[i] as number);
    sum += Math.abs(difference);
    greatest = Math.max(greatest, Math.abs(difference));
    kl += Math.expm1(difference) - difference;
  }
  return { sum, greatest, kl };
}

/** Of all tokens together; null where none was sampled. */
export function joinGaps(gaps: readonly (GapSums | null)[]): GapSums | null {
  const known = gaps.filter((gap) => gap !== null);
  if (known.length === 0) return null;
  return known.reduce((all, gap) => ({
    sum: all.sum + gap.sum,
    greatest: Math.max(all.greatest, gap.greatest),
    kl: all.kl + gap.kl,
  }));
}

export function gapFigures({ sum, greatest, kl }: GapSums, tokens: number): SamplerGap {
  const count = Math.max(1, tokens);
  return { mean: sum / count, max: greatest, kl: kl / count };
}
