/**
 * A program that teaches a model folder the task of task.json by plain GRPO, and prints a line of JSON, a `Curve`.
 * It is the loop that `visplay train` makes, without an arena: sample, reward, advantages, update.
 */

import { program } from "commander";
import { deriveSeed } from "../../common/random.ts";
import { decodeFile } from "../../images/decode.ts";
import { openPolicy } from "../../policy/parallel/open_policy.ts";
import { promptAbout } from "../../policy/prompts.ts";
import { groupAdvantages } from "../../rewards/advantages.ts";
import { time } from "../measure.ts";
import { policyOptions } from "../prompts.ts";
import { grpo } from "../update_work.ts";
import { type Curve, readTask } from "./word_task.ts";

const { model, picture, seed, threads } = program
  .requiredOption("--model <folder>")
  .requiredOption("--picture <file>")
  .option("--seed <n>", "of the samples and the adapters", Number, 0)
  .option("--threads <n>", "CPU threads", Number, 2)
  .parse()
  .opts<{ model: string; picture: string; seed: number; threads: number }>();

const task = await readTask();
const { group: groupSize, tokens: maxTokens, steps, rank, alpha, learningRate } = task;
const right = new RegExp(task.answer, "i");
const image = await decodeFile(picture);
const prompts = task.prompts.map((text) => promptAbout(image, text));
const { optimizer, ...options } = policyOptions(threads);
await using policy = await openPolicy(model, {
  ...options,
  optimizer: { ...optimizer, weightDecay: 0 },
  name: "bench",
  replicas: null,
  microBatchTokens: null,
  adapter: { rank, alpha, rankStabilized: false, layers: null, seed },
});

const curve: { [name in keyof Curve]: number[] } = { rewards: [], seconds: [] };
for (let step = 0; step < steps; step++) {
  const { seconds, result } = await time(() => learn(step));
  curve.seconds.push(seconds);
  curve.rewards.push(result);
  process.stderr.write(
    `step ${step + 1} of ${steps}: mean reward ${result.toFixed(2)}, ${seconds.toFixed(0)} s\n`,
  );
}
console.log(JSON.stringify(curve));

/** One step; gives the mean reward of its samples. */
async function learn(step: number): Promise<number> {
  const how = { groupSize, temperature: 1, topK: 0, topP: 1, maxTokens };
  const sampled = await policy.sample(prompts, { ...how, seed: deriveSeed(seed, "sampling", step) });
  const rewards = sampled.map((group) => group.map(({ text }): number => (right.test(text.trim()) ? 1 : 0)));
  const advantages = groupAdvantages(rewards, "group");
  const groups = sampled.map((completions, p) => ({
    prompt: prompts[p] as (typeof prompts)[number],
    rollouts: completions.map((completion, g) => ({ completion, advantage: advantages[p]?.[g] as number })),
  }));
  if (advantages.flat().some((each) => each !== 0))
    await policy.update(groups, { ...grpo, maxTokens, learningRate });
  const flat = rewards.flat();
  return flat.reduce((sum, reward) => sum + reward, 0) / flat.length;
}
