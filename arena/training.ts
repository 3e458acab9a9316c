import type { TrainingFigures, UpdateRecord } from "../replay/events.ts";
import type { Role } from "../replay/self_play.ts";
import { type Group, grpo, type Learned } from "../training/grpo.ts";
import type { GrpoConfig, SamplingConfig } from "./config/learning.ts";
import { mean, shareOf } from "./statistics.ts";
import type { Step } from "./step.ts";

/** What an update did, as it is recorded; null where no group had anything to teach. */
export interface Trained {
  readonly droppedGroups: number;
  readonly update: UpdateRecord | null;
}

/** The learning rate of a step: after the run's linear warm-up it falls from `peak` along a line over the steps of the phase. */
export function learningRateOf(
  { run, place }: Step,
  role: Role,
  { learningRateEnd }: Pick<GrpoConfig, "learningRateEnd">,
  peak: number,
): number {
  const fallen = (1 - learningRateEnd) * (place.step / place.steps);
  return peak * run.warmup(role) * (1 - fallen);
}

/** One GRPO update of a policy in a step, at `learningRateOf` it. */
export async function train<G extends Group>(
  step: Step,
  role: Role,
  groups: readonly G[],
  config: GrpoConfig & SamplingConfig,
  peak: number,
): Promise<Pick<Learned<G>, "groups"> & Trained> {
  const { run } = step;
  const { reference } = run.ports;
  const learningRate = learningRateOf(step, role, config, peak);
  const { loss, clipLow, clipHigh, beta, importanceCap, temperature, maxTokens } = config;
  const { advantageScale, maskTruncated, positiveWeight } = config;
  const update = { loss, clipLow, clipHigh, beta, importanceCap, temperature, maxTokens, learningRate };
  const options = { ...update, advantageScale, maskTruncated, positiveWeight };
  const learned = await step.time("update", (signal) =>
    grpo(run.policy(role), reference, groups, options, signal),
  );
  const { groups: taught, droppedGroups, report } = learned;
  return { groups: taught, droppedGroups, update: report && { ...report, learningRate } };
}

/** What a training step is watched by. */
export function trainingFigures(
  groups: readonly Group[],
  { droppedGroups, update }: Trained,
): TrainingFigures {
  const rollouts = groups.flatMap((group) => group.rollouts);
  return {
    meanReward: mean(rollouts.flatMap(({ reward }) => reward ?? [])),
    groups: groups.length,
    droppedGroups,
    meanTokens: mean(rollouts.map(({ completion }) => completion.tokens.length)),
    truncatedShare: shareOf(rollouts, ({ completion }) => completion.finishReason === "length"),
    update,
  };
}
