import { map, type Observable, of } from "rxjs";
import type { Completion, Prompt, RolloutGroup } from "../policy/port.ts";
import type { Role, TrainingFigures, UpdateRecord } from "../replay/events.ts";
import { groupAdvantages, withPositives } from "../rewards/advantages.ts";
import type { GrpoConfig, SamplingConfig } from "./config/learning.ts";
import { mean, shareOf } from "./statistics.ts";
import type { Step } from "./step.ts";

/** The rollouts of one prompt: what was sampled, under which log-probabilities, and how it was rewarded. */
export interface RewardedGroup {
  readonly prompt: Prompt;
  /** [G]. */
  readonly completions: readonly Completion[];
  /** [G]; null where nobody could judge. */
  readonly rewards: readonly (number | null)[];
  /** [G]; whether a completion is one to imitate. */
  readonly positives: readonly boolean[];
  /** Log-probabilities under the run's base, [G][T]; null where the update needs none. */
  readonly reference: readonly Float32Array[] | null;
}

/** What a group of rollouts taught. */
export interface Learned {
  /** [groups][G]. */
  readonly advantages: readonly (readonly number[])[];
  readonly droppedGroups: number;
  readonly update: UpdateRecord | null;
}

/**
 * Whether there is something to learn from a group: rewards that differ, or a completion to imitate. Where there is
 * not, every advantage is 0 and the group stays out of the update altogether, its KL term too, which TRL would keep:
 * at a small beta that is a pass through the model for next to nothing.
 */
export function teaches(
  { rewards, positives }: Pick<RewardedGroup, "rewards" | "positives">,
  { positiveWeight }: Pick<GrpoConfig, "positiveWeight">,
): boolean {
  if (positiveWeight > 0 && positives.includes(true)) return true;
  return new Set(rewards.filter((reward) => reward !== null)).size > 1;
}

/**
 * Log-probabilities of completions under the run's base, [groups][G][T]. They come from the Questioner's worker
 * for both roles, since both started from one base; null where no KL is asked for.
 */
export function scoreReference(
  step: Step,
  groups: readonly Pick<RewardedGroup, "prompt" | "completions">[],
  { beta, temperature }: Pick<GrpoConfig & SamplingConfig, "beta" | "temperature">,
): Observable<readonly (readonly Float32Array[])[] | null> {
  if (beta === 0 || groups.length === 0) return of(null);
  const requests = groups.map(({ prompt, completions }) => ({
    prompt,
    completions: completions.map(({ tokens }) => tokens),
  }));
  return step.timed("reference", (signal) =>
    step.run.ports.policies.questioner.score(requests, { weights: "reference", temperature }, signal),
  );
}

/**
 * One GRPO update of a policy from rewarded groups; those that teach nothing are left out of it. The learning rate
 * falls from `peak`, after the run's linear warm-up, along a line over the steps of the phase.
 */
export function learn(
  step: Step,
  role: Role,
  groups: readonly RewardedGroup[],
  config: GrpoConfig & SamplingConfig,
  peak: number,
): Observable<Learned> {
  const relative = groupAdvantages(
    groups.map(({ rewards }) => rewards),
    config.advantageScale,
  );
  const advantages = groups.map(({ positives }, i) =>
    withPositives(relative.advantages[i] ?? [], positives, config.positiveWeight),
  );
  const batch = groups.flatMap((group, i) => rolloutGroup(group, advantages[i] ?? [], config) ?? []);
  const droppedGroups = groups.length - batch.length;
  if (batch.length === 0) return of({ advantages, droppedGroups, update: null });

  const { loss, clipLow, clipHigh, beta, temperature, maxTokens } = config;
  const { policies } = step.run.ports;
  const fallen = (1 - config.learningRateEnd) * (step.place.step / step.place.steps);
  const learningRate = peak * step.run.warmup(role) * (1 - fallen);
  const options = { loss, clipLow, clipHigh, beta, temperature, maxTokens, learningRate };
  return step
    .timed("update", (signal) => policies[role].update(batch, options, signal))
    .pipe(
      map((report) => {
        step.run.versions[role] = report.version;
        return { advantages, droppedGroups, update: { ...report, learningRate } };
      }),
    );
}

/** A group as the policy takes it; null if no rollout in the loss has an advantage. */
function rolloutGroup(
  { prompt, completions, reference }: RewardedGroup,
  advantages: readonly number[],
  { maskTruncated }: GrpoConfig,
): RolloutGroup | null {
  const rollouts = completions.map((completion, i) => {
    const masked = maskTruncated && completion.finishReason === "length";
    return {
      completion,
      advantage: advantages[i] ?? 0,
      ...(reference?.[i] && { referenceLogProbs: reference[i] }),
      ...(masked && { mask: new Uint8Array(completion.tokens.length) }),
    };
  });
  return rollouts.some(({ advantage, mask }) => advantage !== 0 && !mask) ? { prompt, rollouts } : null;
}

/** What a training step is watched by. */
export function trainingFigures(
  groups: readonly RewardedGroup[],
  { droppedGroups, update }: Learned,
): TrainingFigures {
  const completions = groups.flatMap((group) => group.completions);
  const rewards = groups.flatMap((group) => group.rewards).filter((reward) => reward !== null);
  return {
    meanReward: mean(rewards),
    groups: groups.length,
    droppedGroups,
    meanTokens: mean(completions.map(({ tokens }) => tokens.length)),
    truncatedShare: shareOf(completions, ({ finishReason }) => finishReason === "length"),
    update,
  };
}
