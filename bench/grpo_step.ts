/**
 * A program that makes GRPO steps with the code of `visplay train`, in one thread, and prints one line of JSON, a
 * `StepReport`. It has a process of its own, so that its peak memory is the trainer's and nothing else's.
 *
 * Every step has other images. Sampling runs without stop tokens, so that all completions are equally long;
 * rewards are random, beta is 0. Drawing and decoding images is not timed, preparing and encoding them is.
 */
import { program } from "commander";
import { deriveSeed, RandomStream } from "../common/random.ts";
import { openFolder } from "../images/folder.ts";
import type { RgbImage } from "../images/image.ts";
import { ParameterLayout } from "../policy/parameters.ts";
import type { RolloutGroup } from "../policy/policy.ts";
import { type EncodedPrompt, type SampledTokens, Sampler } from "../policy/sampler.ts";
import { groupAdvantages } from "../rewards/advantages.ts";
import { timed } from "./measure.ts";
import { openPolicy, openPrompter, scenes } from "./prompts.ts";
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
  .parse()
  .opts<Options>();

await using policy = await openPolicy(options.model, options.threads);
const prompter = await openPrompter(options.model, policy);
const layout = new ParameterLayout(policy.model.parameters);
const { images, imageFolder, steps } = options;
const source = imageFolder === undefined ? scenes(images * steps, 0) : await openFolder(imageFolder);

const seconds: number[] = [];
const sampling: number[] = [];
const encoding: number[] = [];
for (let step = 0; step < steps; step++) {
  const places = Array.from({ length: images }, (_, i) => (step * images + i) % source.length);
  const pictures = await Promise.all(places.map((place) => source.load(place)));
  const whole = await timed(async () => {
    const encoded = await timed(() => encode(pictures));
    const sampled = await timed(() => sample(encoded.result, deriveSeed(0, "sampling", step)));
    encoding.push(encoded.seconds);
    sampling.push(encoded.seconds + sampled.seconds);
    await policy.update(groupsOf(pictures, sampled.result, new RandomStream(step)), grpo);
  });
  seconds.push(whole.seconds);
}
const report: StepReport = {
  trainer: "visplay",
  parameters: layout.size,
  seconds,
  sampling_seconds: sampling,
  encoding_seconds: encoding,
  peak_mb: process.resourceUsage().maxRSS / 1024,
};
console.log(JSON.stringify(report));

/** The prompts about some pictures in ids and encoded images. */
async function encode(pictures: readonly RgbImage[]): Promise<EncodedPrompt[]> {
  const prompts = pictures.map((image) => prompter(image, options.question));
  const rows = await policy.encoder.encode(
    prompts.map(({ image }) => image),
    layout.views(policy.learner.weights),
    `${policy.learner.version}`,
    async () => {},
  );
  return prompts.map(({ image, prefix, suffix }) => {
    return { prefix, suffix, tiles: image.tiles, imageRows: rows.get(image.id) as Float32Array };
  });
}

/** What `policy.sample` does, but without stop tokens. */
function sample(prompts: readonly EncodedPrompt[], seed: number): Promise<SampledTokens[][]> {
  const { group: groupSize, tokens: maxTokens } = options;
  const how = { groupSize, temperature: 1, topK: 0, topP: 1, maxTokens, seed };
  const weights = layout.views(policy.learner.weights);
  return new Sampler(policy.model, policy.sessions, weights, prompts, how, []).run();
}

/** The samples as rollouts with random rewards. */
function groupsOf(
  pictures: readonly RgbImage[],
  sampled: readonly (readonly SampledTokens[])[],
  stream: RandomStream,
): RolloutGroup[] {
  const rewards = sampled.map((group) => group.map(() => stream.uniform()));
  const { advantages } = groupAdvantages(rewards, "group");
  return sampled.map((group, i) => ({
    prompt: { image: pictures[i] as RgbImage, text: options.question },
    rollouts: group.map((completion, g) => ({ completion, advantage: advantages[i]?.[g] as number })),
  }));
}
