import type {
  Completion,
  Example,
  Policy,
  Prompt,
  SamplingOptions,
  TrainingGroup,
  UpdateOptions,
  UpdateReport,
} from "../port.ts";
import { type GapSums, gapFigures, joinGaps } from "../sampler_gap.ts";

/** What one optimiser step learns from: groups of rollouts by GRPO, or examples to imitate. */
export type LearningTask =
  | { readonly kind: "grpo"; readonly groups: readonly TrainingGroup[]; readonly options: UpdateOptions }
  | { readonly kind: "imitation"; readonly examples: readonly Example[] };

/** The gradient [parameters] of a share of a task, with the mean loss of the share. */
export interface GradientShare {
  readonly gradient: Float32Array;
  readonly loss: number;
  /** What the share's loss is the mean over, in tokens or in rollouts: its weight among the other shares. */
  readonly weight: number;
}

/** Sums over the tokens of a share of a task. */
export interface TokenSums {
  /** k3 KL to the reference. */
  readonly kl: number;
  /** Tokens whose ratio was clipped, or whose weight was capped. */
  readonly clipped: number;
  /** How far the log-probabilities at the update are from those at sampling; null of what is imitated. */
  readonly gap: GapSums | null;
  /** Tokens in the loss. */
  readonly tokens: number;
}

/** A policy that can be one of several with the same weights, which share the work and stay the same. */
export interface Replica extends Policy {
  /** `firstPrompt` is the place of the first prompt in the call that is shared out; what is drawn depends on it. */
  sample(
    prompts: readonly Prompt[],
    options: SamplingOptions & { readonly firstPrompt?: number },
    signal?: AbortSignal,
  ): Promise<Completion[][]>;
  /** Writes the gradient of a share of a task into `gradient`; the weights stay as they are. */
  differentiate(
    task: LearningTask,
    gradient: Float32Array,
    signal?: AbortSignal,
  ): Promise<TokenSums & Pick<GradientShare, "loss" | "weight">>;
  /** One optimiser step on the weighted mean of all shares; rejects as `update` does. */
  step(
    shares: readonly GradientShare[],
    learningRate: number,
  ): Promise<Pick<UpdateReport, "loss" | "gradientNorm" | "version">>;
}

/** The report of a step on the gradients of all shares of a task. */
export function updateReport(
  step: Pick<UpdateReport, "loss" | "gradientNorm" | "version">,
  shares: readonly TokenSums[],
): UpdateReport {
  const sum = (field: "kl" | "clipped" | "tokens"): number =>
    shares.reduce((total, share) => total + share[field], 0);
  const tokens = sum("tokens");
  const mean = (field: "kl" | "clipped"): number => sum(field) / Math.max(1, tokens);
  const gap = joinGaps(shares.map((share) => share.gap));
  const report = { ...step, kl: mean("kl"), clipFraction: mean("clipped"), tokens };
  return gap ? { ...report, gap: gapFigures(gap, tokens) } : report;
}
