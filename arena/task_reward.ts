import { zip } from "../common/zip.ts";
import type { Answer } from "../reasoner/reasoner.ts";
import { writtenIn } from "../reasoner/written.ts";
import { overlongPenalty } from "../rewards/length.ts";
import { type Parts, weigh } from "../rewards/parts.ts";
import { reasoning, subjectsOf } from "../rewards/reasoning.ts";
import { type RewardConfig, type TaskPart, taskParts } from "./config/reward.ts";
import { openUserReward, type RewardEpisode } from "./user_reward.ts";
import { givenBy, type Labelled, score } from "./verify.ts";

/** What one answer to a labelled task earned. */
export interface TaskReward {
  /** Null where nobody could judge. */
  readonly reward: number | null;
  /** What the reward is made of, by name, before weighting; a part of weight 0, too. */
  readonly parts: Parts;
  /** How right the answer is, 0 to 1, by the verifier. */
  readonly correctness: number;
}

/** A labelled task. */
export interface Task extends Labelled, Pick<RewardEpisode, "image"> {}

/** Rewards the answers to one task, [G]. */
export type Rewarder = (task: Task, answers: readonly Answer[]) => Promise<TaskReward[]>;

/**
 * Rewards by a verifier, the chain before the answer, its form and its length, or by a user's own module, which is loaded
 * here. Throws, and rejects, as `openUserReward` does. `maxTokens` is the longest completion.
 */
export async function openRewarder(config: RewardConfig, maxTokens: number): Promise<Rewarder> {
  const own = config.module === null ? null : await openUserReward(config.module);
  const weightOf = (name: string): number =>
    isTaskPart(name) ? config.weights[name] : (config.moduleWeights[name] ?? 1);
  return async (task, answers) => {
    const parts = answers.map((answer) => partsOf(task, answer, config, maxTokens));
    const episodes = zip(answers, parts).map(([answer, each]) => episodeOf(task, answer, each));
    const counted = own === null ? parts : await Promise.all(episodes.map(own));
    return zip(parts, counted).map(([{ correctness }, its]) => {
      return { reward: its && weigh(its, weightOf), parts: its ?? {}, correctness };
    });
  };
}

function partsOf(
  task: Task,
  answer: Answer,
  config: RewardConfig,
  maxTokens: number,
): Readonly<Record<TaskPart, number>> {
  const { completion, parsed } = answer;
  const { question } = task;
  const truncated = completion.finishReason === "length";
  const written = writtenIn(completion.text, truncated);
  const chain = written.answer === null ? "" : written.chain;
  const length = { tokens: completion.tokens.length, truncated };
  return {
    correctness: score(config, givenBy(answer), task),
    reasoning: reasoning({ text: chain, question, used: subjectsOf(question) }).total,
    format: parsed.format,
    length: overlongPenalty(length, maxTokens, Math.round(config.overlongShare * maxTokens)),
  };
}

function episodeOf(
  { question, truths, image }: Task,
  { completion }: Answer,
  parts: RewardEpisode["parts"],
): RewardEpisode {
  const { text, tokens, finishReason } = completion;
  const truncated = finishReason === "length";
  const { chain, answer } = writtenIn(text, truncated);
  return { question, truths, image, text, chain, answer, tokens: tokens.length, truncated, parts };
}

function isTaskPart(name: string): name is TaskPart {
  return (taskParts as readonly string[]).includes(name);
}
