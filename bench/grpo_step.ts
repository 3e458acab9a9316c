/**
 * A program that makes GRPO steps with policies as `visplay train` opens them, and prints one line of JSON, a
 * `StepReport`. It has a process of its own, so that its peak memory is the trainer's and nothing else's.
 *
 * Every step has other images. Sampling goes on past stop tokens, so that all completions are equally long;
 * rewards are random, beta is 0. Drawing and decoding images is not timed, preparing and encoding them is.
 */

import { program } from "commander";
import { deriveSeed, RandomStream } from "../common/random.ts";
import { openFolder } from "../images/folder.ts";
import { keepNoImages } from "../images/libvips.ts";
import { openPolicy } from "../policy/parallel/open_policy.ts";
import type { Completion, Prompt, TrainingGroup } from "../policy/port.ts";
import { promptAbout } from "../policy/prompts.ts";
import { groupAdvantages } from "../rewards/advantages.ts";
import { time } from "./measure.ts";
import { policyOptions, scenes } from "./prompts.ts";
import type { StepReport } from "./step_report.ts";
import { grpo } from "./update_work.ts";

interface Options {
  readonly model: string;
  readonly imageFolder?: string;
  readonly question: string;
  readonly images: number;
  readonly group: number;
  readonly tokens: number;
  readonly steps: number;
  readonly threads: number;
  readonly rank: number;
  readonly policies: number;
}

const options = program
  .requiredOption("--model <folder>")
  .option("--image-folder <folder>", "scenes are drawn where it is absent")
  .option("--question <text>", "asked about every image", "how many red circle ?")
  .option("--images <n>", "prompts of a step", Number, 16)
  .option("--group <n>", "completions of a prompt", Number, 8)
  .option("--tokens <n>", "tokens of a completion", Number, 24)
  .option("--steps <n>", "steps, of which the first warms up", Number, 6)
  .option("--threads <n>", "CPU threads", Number, 2)
  .option("--rank <n>", "of adapters on the text model; 0 trains all parameters", Number, 0)
  .option("--policies <n>", "policies that each make the step, one after the other", Number, 1)
  .parse()
  .opts<Options>();

keepNoImages();
const how = {
  groupSize: options.group,
  temperature: 1,
  topK: 0,
  topP: 1,
  maxTokens: options.tokens,
  ignoreEos: true,
};
const { model, images, imageFolder, question, steps, threads, rank } = options;
const adapter = { rank, alpha: 2 * rank, rankStabilized: false, layers: null, seed: 0 };
const policies = await Promise.all(
  Array.from({ length: options.policies }, (_, i) =>
    openPolicy(model, {
      ...policyOptions(threads),
      microBatchTokens: null,
      adapter,
      name: `bench ${i + 1}`,
      replicas: null,
    }),
  ),
);
const source = imageFolder === undefined ? scenes(images * steps, 0) : await openFolder(imageFolder);

const seconds: number[] = [];
const sampling: number[] = [];
const encoding: number[] = [];
for (let step = 0; step < steps; step++) {
  const places = Array.from({ length: images }, (_, i) => (step * images + i) % source.length);
  const loaded = await Promise.all(places.map((place) => source.load(place)));
  const pictures = loaded.map(({ image }) => image);
  const prompts = pictures.map((image) => promptAbout(image, question));
  const parts = { encoding: 0, sampling: 0 };
  const whole = await time(async () => {
    for (const policy of policies) {
      const encoded = await time(() => policy.prepare(pictures));
      const sampled = await time(() =>
        policy.sample(prompts, { ...how, seed: deriveSeed(0, "sampling", step) }),
      );
      parts.encoding += encoded.seconds;
      parts.sampling += encoded.seconds + sampled.seconds;
      await policy.update(groupsOf(prompts, sampled.result, new RandomStream(step)), grpo);
    }
  });
  encoding.push(parts.encoding);
  sampling.push(parts.sampling);
  seconds.push(whole.seconds);
}
const report: StepReport = {
  trainer: "visplay",
  parameters: (await policies[0]?.info())?.parameters ?? 0,
  seconds,
  sampling_seconds: sampling,
  encoding_seconds: encoding,
  peak_mb: process.resourceUsage().maxRSS / 1024,
};
console.log(JSON.stringify(report));
for (const policy of policies) await policy[Symbol.asyncDispose]();

/** The samples as rollouts with random rewards. */
function groupsOf(
  prompts: readonly Prompt[],
  sampled: readonly (readonly Completion[])[],
  stream: RandomStream,
): TrainingGroup[] {
  const rewards = sampled.map((completions) => completions.map(() => stream.uniform()));
  const advantages = groupAdvantages(rewards, "group");
  return sampled.map((completions, i) => ({
    prompt: prompts[i] as Prompt,
    rollouts: completions.map((completion, g) => ({ completion, advantage: advantages[i]?.[g] as number })),
  }));
}
