/** What the difference from the group's mean is divided by: the group's deviation, all rewards', or nothing. */
export const advantageScalings = ["group", "batch", "none"] as const;
export type AdvantageScaling = (typeof advantageScalings)[number];

/** Keeps the quotient finite, as in TRL. */
const epsilon = 1e-4;

/**
 * GRPO advantages (Shao et al. 2024, arXiv 2402.03300): (reward - mean of its group) / (deviation + 1e-4),
 * with the unbiased deviation (n - 1). Rewards and advantages are [groups][G]; a group of equal rewards has advantages 0. A rollout that nobody could score (null)
 * takes no part in any mean or deviation and gets advantage 0. "none" is Dr. GRPO's choice.
 */
export function groupAdvantages(
  rewards: readonly (readonly (number | null)[])[],
  scaling: AdvantageScaling,
): number[][] {
  const batchDeviation = deviation(knownRewards(rewards.flat()));
  return rewards.map((group) => {
    const known = knownRewards(group);
    if (known.every((reward) => reward === known[0])) return group.map(() => 0);
    const baseline = mean(known);
    const divisors = { group: deviation(known) + epsilon, batch: batchDeviation + epsilon, none: 1 };
    return group.map((reward) => (reward === null ? 0 : (reward - baseline) / divisors[scaling]));
  });
}

/**
 * Adds `weight` to the advantages of positive completions, [G]. On fresh samples, whose ratio is 1, that is exactly
 * the gradient of weight · their log-likelihood: the positive-example loss of VAPO (arXiv 2504.05118), which
 * lets a group teach even if all of it agrees.
 */
export function withPositives(
  advantages: readonly number[],
  positives: readonly boolean[],
  weight: number,
): number[] {
  return advantages.map((advantage, i) => (positives[i] ? advantage + weight : advantage));
}

function knownRewards(rewards: readonly (number | null)[]): number[] {
  return rewards.filter((reward) => reward !== null);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function deviation(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const centre = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1));
}
