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
  const scales = rewardScales(rewards, scaling);
  return rewards.map((group, g) => group.map((reward) => advantageOf(reward, scales[g] ?? null)));
}

/** What a group's rewards are held against. */
export interface RewardScale {
  readonly baseline: number;
  readonly divisor: number;
}

/** Of each group; null for one of equal rewards. */
export function rewardScales(
  rewards: readonly (readonly (number | null)[])[],
  scaling: AdvantageScaling,
): (RewardScale | null)[] {
  const batchDeviation = deviation(knownRewards(rewards.flat()));
  return rewards.map((group) => {
    const known = knownRewards(group);
    if (known.every((reward) => reward === known[0])) return null;
    const divisors = { group: deviation(known) + epsilon, batch: batchDeviation + epsilon, none: 1 };
    return { baseline: mean(known), divisor: divisors[scaling] };
  });
}

export function advantageOf(reward: number | null, scale: RewardScale | null): number {
  return reward === null || scale === null ? 0 : (reward - scale.baseline) / scale.divisor;
}

/**
 * Advantages of a trajectory's turns, each credited with what was earned from it on, for it could not change what was earned
 * before: the reward-to-go (Schulman et al. 2016, arXiv 1506.02438, section 2) on the scale of whole trajectories. `earned` are
 * the turns' own rewards, which `reward` is the sum of. A turn before which nothing was earned has the trajectory's advantage.
 */
export function turnAdvantages(
  earned: readonly number[],
  reward: number | null,
  scale: RewardScale | null,
): number[] {
  let before = 0;
  return earned.map((own) => {
    const toGo = reward === null ? null : reward - before;
    before += own;
    return advantageOf(toGo, scale);
  });
}

/**
 * Adds `weight` to the advantage of a positive completion. On fresh samples, whose ratio is 1, that is exactly the gradient
 * of weight · its log-likelihood: the positive-example loss of VAPO (arXiv 2504.05118), which lets a group teach even if all
 * of it agrees.
 */
export function withPositive(advantage: number, isPositive: boolean, weight: number): number {
  return isPositive ? advantage + weight : advantage;
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
