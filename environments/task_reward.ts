import type { ReadAnswer } from "../reasoner/reasoner.ts";
import { writtenIn } from "../reasoner/written.ts";
import { type CertaintyReader, certaintyReader, certaintyScore, type Hedges } from "../rewards/certainty.ts";
import { overlongPenalty } from "../rewards/length.ts";
import { type Parts, weigh } from "../rewards/parts.ts";
import { reasoning, subjectsOf } from "../rewards/reasoning.ts";
import type { Action } from "../training/environment.ts";
import { claimedCertainty } from "./claimed_certainty.ts";
import { type RewardPreset, type TaskPart, type WeightedPart, weightedParts } from "./reward_presets.ts";
import { openUserReward, type RewardEpisode } from "./user_reward.ts";
import { givenBy, type Judging, type Labelled, score } from "./verify.ts";

/** What an answer to a labelled task is rewarded by. */
export interface RewardConfig extends Judging {
  /** What is rewarded beside what the answer is judged by. */
  readonly preset: RewardPreset;
  /** A user's own module; null: none. */
  readonly module: string | null;
  readonly weights: Readonly<Record<WeightedPart, number>>;
  /** Of parts by other names; 1 where none is given. */
  readonly moduleWeights: Readonly<Record<string, number>>;
  /** The last part of the longest completion, in which the penalty for length grows. */
  readonly overlongShare: number;
}

/** What one answer to a labelled task earned. */
export interface TaskReward {
  /** What the reward is made of, by name, before weighting, a part of weight 0, too; null where nobody could judge. */
  readonly parts: Parts | null;
  /** How right the answer is, 0 to 1, by the verifier. */
  readonly correctness: number;
}

/** A labelled task. */
export interface Task extends Labelled, Pick<RewardEpisode, "image"> {}

/** An answer to a task, and what is read in it. */
export type TaskAnswer = ReadAnswer<Action>;

/** Judges one answer to a task. */
export type Rewarder = (task: Task, answer: TaskAnswer) => Promise<TaskReward>;

/** What a rewarder is told beside its settings. */
export interface RewarderOptions {
  /** Tokens of the longest completion. */
  readonly maxTokens: number;
  /** By which it is read how sure answers say that they are. */
  readonly hedges: Hedges;
}

/**
 * Judges by a verifier, the chain before the answer, its form and its length, or by a user's own module, which is loaded
 * here. Throws, and rejects, as `openUserReward` does.
 */
export async function openRewarder(
  config: RewardConfig,
  { maxTokens, hedges }: RewarderOptions,
): Promise<Rewarder> {
  const sureness = config.weights.certainty > 0 ? certaintyReader(hedges) : null;
  const own = config.module === null ? null : await openUserReward(config.module);
  return async (task, answer) => {
    const parts = partsOf(task, answer, config, { maxTokens, sureness });
    const counted = own === null ? parts : await own(episodeOf(task, answer, parts));
    return { parts: counted, correctness: parts.correctness };
  };
}

/** Σ weight · part; null where nobody could judge. */
export function rewardOf(
  parts: Parts | null,
  { weights, moduleWeights }: Pick<RewardConfig, "weights" | "moduleWeights">,
): number | null {
  return parts && weigh(parts, (name) => (isWeightedPart(name) ? weights[name] : (moduleWeights[name] ?? 1)));
}

function partsOf(
  task: Task,
  answer: TaskAnswer,
  config: RewardConfig,
  { maxTokens, sureness }: { readonly maxTokens: number; readonly sureness: CertaintyReader | null },
): Readonly<Record<TaskPart, number>> & { readonly certainty?: number } {
  const { completion, parsed } = answer;
  const { question } = task;
  const truncated = completion.finishReason === "length";
  const written = writtenIn(completion.text, truncated);
  const chain = written.answer === null ? "" : written.chain;
  const length = { tokens: completion.tokens.length, truncated };
  const correctness = score(config, givenBy(answer), task);
  const stated = sureness && claimedCertainty(sureness, answer);
  return {
    correctness,
    reasoning: reasoning({ text: chain, question, used: subjectsOf(question) }).total,
    format: parsed.format,
    length: overlongPenalty(length, maxTokens, Math.round(config.overlongShare * maxTokens)),
    ...(sureness && { certainty: stated === null ? 0 : certaintyScore(stated, correctness) }),
  };
}

function episodeOf(
  { question, truths, image }: Task,
  { completion }: TaskAnswer,
  parts: RewardEpisode["parts"],
): RewardEpisode {
  const { text, tokens, finishReason } = completion;
  const truncated = finishReason === "length";
  const { chain, answer } = writtenIn(text, truncated);
  return { question, truths, image, text, chain, answer, tokens: tokens.length, truncated, parts };
}

function isWeightedPart(name: string): name is WeightedPart {
  return (weightedParts as readonly string[]).includes(name);
}
