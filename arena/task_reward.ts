import { zip } from "../common/zip.ts";
import type { Answer } from "../reasoner/reasoner.ts";
import { writtenIn } from "../reasoner/written.ts";
import { overlongPenalty } from "../rewards/length.ts";
import { type Parts, weigh } from "../rewards/parts.ts";
import { reasoning, subjectsOf } from "../rewards/reasoning.ts";
import { type RewardConfig, type TaskPart, taskParts } from "./config/reward.ts";
import type { Test } from "./ports.ts";
import { openUserReward } from "./user_reward.ts";
import { givenBy, score } from "./verify.ts";

/** What one answer to a labelled task earned. */
export interface TaskReward {
  /** Null where nobody could judge. */
  readonly reward: number | null;
  /** Before weighting, by name; those of weight 0, too. */
  readonly parts: Parts;
  /** What each part counts. */
  readonly weights: Parts;
}

/** A labelled task. */
export type Task = Pick<Test, "question" | "truths" | "image" | "group">;

/** Rewards the answers to one task, [G]. */
export type Rewarder = (task: Task, answers: readonly Answer[]) => Promise<TaskReward[]>;

/**
 * Rewards by a verifier, the chain before the answer, its form and its length, or by a user's own module, which is loaded
 * here. Throws, and rejects, as `openUserReward` does. `maxTokens` is the longest completion.
 */
export async function openRewarder(config: RewardConfig, maxTokens: number): Promise<Rewarder> {
  const own = config.module === null ? null : await openUserReward(config.module);
  const weightOf = (name: string): number => {
    if (isTaskPart(name)) return config.weights[name];
    return config.moduleWeights[name] ?? 1;
  };
  const rewarded = (parts: Parts, counted: Parts | null): TaskReward => {
    const all = { ...parts, ...counted };
    const weights = Object.fromEntries(
      Object.keys(all).map((name) => [name, counted && name in counted ? weightOf(name) : 0]),
    );
    const reward = counted && weigh(counted, weightOf);
    return { reward, parts: all, weights };
  };
  return async (task, answers) => {
    const parts = answers.map((answer) => partsOf(task, answer, config, maxTokens));
    if (own === null) return parts.map((each) => rewarded(each, each));
    const episodes = zip(answers, parts).map(([answer, each]) => episodeOf(task, answer, each));
    const counted = await Promise.all(episodes.map(own));
    return zip(parts, counted).map(([each, its]) => rewarded(each, its));
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

function episodeOf({ question, truths, image, group }: Task, { completion }: Answer, parts: Parts) {
  const { text, tokens, finishReason } = completion;
  const truncated = finishReason === "length";
  const { chain, answer } = writtenIn(text, truncated);
  return { question, truths, image, group, text, chain, answer, tokens: tokens.length, truncated, parts };
}

function isTaskPart(name: string): name is TaskPart {
  return (taskParts as readonly string[]).includes(name);
}
