/**
 * `npm run bench:model`: a model of SmolVLM-256M's sizes with random weights and adapters of rank 16: decoding beside
 * the time that reading its weights takes, the update beside plain MatMul, and the memory of self-play steps.
 */

import { join } from "node:path";
import { program } from "commander";
import { sizeOf } from "../autodiff/tensor_type.ts";
import { RandomStream } from "../common/random.ts";
import { LocalPolicy } from "../policy/embedded/local_policy.ts";
import { planMicroBatches } from "../policy/embedded/micro_batch.ts";
import { affordableTokens } from "../policy/embedded/model_size.ts";
import { updateGraph } from "../policy/embedded/update_graph.ts";
import { tokensIn } from "../policy/models/attention.ts";
import type { Prompt, TrainingGroup } from "../policy/port.ts";
import { promptAbout } from "../policy/prompts.ts";
import { memoryBandwidth } from "./bandwidth.ts";
import { benchPrecisions } from "./decoding.ts";
import { type Figures, figuresTable, writeFigures } from "./figures.ts";
import { productFlops } from "./flops.ts";
import { flags, stepProgram } from "./grpo.ts";
import { interleave, median, medianRatio } from "./measure.ts";
import { modelSizes, scratchFolder, tokenizerModel, writeResizedModel } from "./models.ts";
import { productChain } from "./product_chain.ts";
import { watchedReportOf } from "./program.ts";
import { policyOptions, scenes } from "./prompts.ts";
import type { StepReport } from "./step_report.ts";
import { grpo } from "./update_work.ts";

interface Options {
  readonly json?: string;
  readonly model?: string;
  readonly threads: number;
  readonly rounds: number;
}

const { json, model, threads, rounds } = program
  .name("npm run bench:model --")
  .description("measure a model of SmolVLM-256M's sizes; leave the machine alone meanwhile")
  .option("--json <file>", "where to write the figures")
  .option("--model <folder>", "what npm run make:model wrote; else it is made anew, which takes a minute")
  .option("--threads <n>", "CPU threads", Number, 2)
  .option("--rounds <n>", "measurements of each kind", Number, 3)
  .parse()
  .opts<Options>();

const rank = 16;
const adapter = { rank, alpha: 2 * rank, rankStabilized: false, layers: null, seed: 0 };
const decoded = 33;
const question = "How many circles are there?";

await using scratch = await scratchFolder();
const folder = model ?? join(scratch.path, "model");
if (model === undefined) await writeResizedModel(tokenizerModel, modelSizes["256m"], folder, "BF16");

const figures = { ...(await benchPolicy()), ...(await benchMemory()) };
console.log(`\nSmolVLM-256M's sizes (threads: ${threads})\n${figuresTable(figures)}`);
if (json) await writeFigures(json, figures);

async function benchPolicy(): Promise<Figures> {
  const options = { ...policyOptions(threads), microBatchTokens: null, adapter };
  const sampling = { precision: "int8", importanceCap: 3, maxGap: 1 } as const;
  await using policy = await LocalPolicy.open(folder, options);
  await using inBytes = await LocalPolicy.open(folder, { ...options, sampling });
  const source = scenes(4, 0);
  const images = await Promise.all([0, 1, 2, 3].map((i) => source.draw(i)));
  const prompts = images.map((image) => promptAbout(image, question));
  await policy.prepare(images);
  await inBytes.prepare(images);
  const policies = { float32: policy, int8: inBytes };
  return {
    ...(await benchDecoding(policy, prompts)),
    ...(await benchPrecisions(policies, prompts, threads, rounds)),
    ...(await benchGap(inBytes, prompts)),
    ...(await benchUpdate(policy, prompts)),
  };
}

/** Seconds per token of different numbers of sequences, over the time of reading the text model once. */
async function benchDecoding(policy: LocalPolicy, prompts: readonly Prompt[]): Promise<Figures> {
  const text = policy.model.parameters.filter(
    ({ name, group }) => group === "text" && !name.includes("embed"),
  );
  const bytes = 4 * text.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const floor = bytes / (await memoryBandwidth(threads));
  const perToken = async (count: number, groupSize: number): Promise<number> => {
    const options = { groupSize, temperature: 1, topK: 0, topP: 1, ignoreEos: true, seed: 0 };
    const sample = (maxTokens: number) => () =>
      policy.sample(prompts.slice(0, count), { ...options, maxTokens });
    const seconds = await interleave({ first: sample(1), all: sample(decoded) }, rounds);
    return (median(seconds.all) - median(seconds.first)) / (decoded - 1);
  };
  const [one, group, four] = [await perToken(1, 1), await perToken(1, 8), await perToken(4, 8)];
  const over = (seconds: number) => ({ value: seconds / floor, unit: "x" });
  return {
    weight_reading_ms: { value: 1000 * floor, unit: "ms" },
    decode_over_bandwidth_floor: over(group),
    decode_over_bandwidth_floor_1_row: over(one),
    decode_over_bandwidth_floor_32_rows: over(four),
    decode_tokens_per_second_32_rows: { value: 32 / four, unit: "tokens/s" },
  };
}

/** How far eight bits sample from the policy that learns, over 2 images x G = 8 x 64 tokens. */
async function benchGap(policy: LocalPolicy, prompts: readonly Prompt[]): Promise<Figures> {
  const asked = prompts.slice(0, 2);
  const options = { groupSize: 8, temperature: 1, topK: 0, topP: 1, maxTokens: 64, ignoreEos: true, seed: 0 };
  const sampled = await policy.sample(asked, options);
  const groups = asked.map((prompt, i) => ({
    prompt,
    rollouts: (sampled[i] ?? []).map((completion, g) => ({ completion, advantage: 1 - (2 * g) / 7 })),
  }));
  const { gap, clipFraction } = await policy.update(groups, { ...grpo, learningRate: 0 });
  return {
    int8_mean_gap: { value: gap?.mean ?? Number.NaN, unit: "of a log-probability" },
    int8_greatest_gap: { value: gap?.max ?? Number.NaN, unit: "of a log-probability" },
    int8_kl: { value: gap?.kl ?? Number.NaN, unit: "nats" },
    int8_share_at_cap: { value: clipFraction, unit: "of tokens" },
  };
}

/** An update of one group beside products of its layers' sizes, as operations per second. */
async function benchUpdate(policy: LocalPolicy, prompts: readonly Prompt[]): Promise<Figures> {
  const stream = new RandomStream(0);
  const { vocabSize, hiddenSize, intermediateSize } = policy.model.config.text;
  const rollout = () => ({
    completion: {
      tokens: Int32Array.from({ length: 64 }, () => stream.integer(vocabSize)),
      logProbs: new Float32Array(64).fill(-Math.log(vocabSize)),
    },
    advantage: stream.normal(),
  });
  const groups: TrainingGroup[] = prompts.slice(0, 1).map((prompt) => {
    return { prompt, rollouts: Array.from({ length: 8 }, rollout) };
  });
  const work = policy.work({ kind: "grpo", groups, options: grpo });
  const [batch, ...more] = planMicroBatches(
    policy.model,
    work.jobs,
    affordableTokens(policy.model.config, false),
  );
  if (!batch || more.length > 0) throw new RangeError("the update is to be one graph");
  const { shape } = batch;
  const { trainable } = policy.learner;
  const graph = updateGraph(
    policy.model,
    policy.tensors,
    { ...shape, images: null },
    work.objective,
    trainable,
  );
  await using chain = await productChain(
    tokensIn(shape),
    [hiddenSize, intermediateSize, hiddenSize],
    8,
    threads,
  );
  const update = async () => {
    await policy.accumulate(work, async () => {});
    policy.learner.discard();
  };
  const seconds = await interleave({ update, chain: chain.run }, rounds);
  const flops = productFlops(Object.values(graph));
  const fraction = medianRatio(seconds.chain, seconds.update) * (flops / chain.flops);
  return {
    update_fraction_of_matmul: { value: fraction, unit: "of MatMul's rate" },
    update_gflops: { value: flops / median(seconds.update) / 1e9, unit: "GFLOP/s" },
    matmul_gflops: { value: chain.flops / median(seconds.chain) / 1e9, unit: "GFLOP/s" },
  };
}

/** Steps of both policies on 4 images, 8 completions of 128 tokens each, in a process of their own. */
async function benchMemory(): Promise<Figures> {
  const work = {
    images: 4,
    group: 8,
    tokens: 128,
    steps: 2,
    policies: 2,
    threads,
    rank,
    model: folder,
    question,
  };
  const report = await watchedReportOf<StepReport>(process.execPath, [stepProgram, ...flags(work)]);
  return {
    peak_mb: { value: report.peak_mb, unit: "MB" },
    self_play_step_seconds: { value: report.seconds.at(-1) as number, unit: "s" },
  };
}
