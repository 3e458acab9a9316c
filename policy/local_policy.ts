import { copyFile, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { VisplayError } from "../common/errors.ts";
import type { RgbImage } from "../images/image.ts";
import { nextPowerOfTwo } from "./batch.ts";
import { type Objective, scoreGraph, updateGraph } from "./graphs.ts";
import { ImageEncoder, type PreparedImage } from "./image_encoder.ts";
import { tokenWeights } from "./loss.ts";
import {
  type MicroBatch,
  microBatchFeeds,
  planMicroBatches,
  type TreeJob,
  tokenValues,
} from "./micro_batch.ts";
import { readIdefics3Config } from "./models/idefics3_config.ts";
import { Idefics3Processor } from "./models/idefics3_processor.ts";
import { type ParameterGroup, SmolVlm } from "./models/smolvlm.ts";
import { AdamW, globalNorm, type OptimizerOptions } from "./optimizer.ts";
import { ParameterLayout } from "./parameters.ts";
import type {
  Completion,
  Example,
  GrpoOptions,
  Policy,
  PolicyInfo,
  Prompt,
  RolloutGroup,
  SamplingOptions,
  UpdateReport,
  WeightSet,
} from "./policy.ts";
import { readModelWeights, writeSafetensors } from "./safetensors.ts";
import { type EncodedPrompt, Sampler } from "./sampler.ts";
import { SessionCache } from "./sessions.ts";
import { Tokenizer } from "./tokenizer.ts";

export interface LocalPolicyOptions {
  /** Threads inside one operator. */
  readonly threads: number;
  readonly optimizer: OptimizerOptions;
  /** Multiplies the learning rate of each parameter group; 0 freezes it. */
  readonly learningRateFactors: Readonly<Record<ParameterGroup, number>>;
  /** Padded tokens that one micro-batch of an update may hold. */
  readonly microBatchTokens: number;
}

const maxSessions = 48;

/** A policy that samples, scores and learns in the calling thread. */
export class LocalPolicy implements Policy {
  readonly model: SmolVlm;
  readonly layout: ParameterLayout;
  readonly tokenizer: Tokenizer;
  /** The trained weights, one flat vector. */
  readonly weights: Float32Array;
  readonly optimizer: AdamW;
  readonly #reference: Float32Array;
  readonly #folder: string;
  readonly #options: LocalPolicyOptions;
  readonly #processor: Idefics3Processor;
  readonly #sessions: SessionCache;
  readonly #encoder: ImageEncoder;
  readonly #gradients: Float32Array;
  /** Gradients of all micro-batches after the first. */
  readonly #scratch: Float32Array;

  private constructor(
    folder: string,
    options: LocalPolicyOptions,
    model: SmolVlm,
    processor: Idefics3Processor,
    tokenizer: Tokenizer,
    weights: Float32Array,
  ) {
    this.#folder = folder;
    this.#options = options;
    this.model = model;
    this.layout = new ParameterLayout(model.parameters);
    this.tokenizer = tokenizer;
    this.weights = weights;
    this.#reference = weights.slice();
    this.#processor = processor;
    this.#sessions = new SessionCache(options.threads, maxSessions);
    this.#encoder = new ImageEncoder(model, processor, this.#sessions);
    this.optimizer = new AdamW(weights.length, options.optimizer, options.threads);
    this.#gradients = new Float32Array(weights.length);
    this.#scratch = new Float32Array(weights.length);
  }

  /** Opens a Hugging Face model folder; throws a `VisplayError` of code "model" where it is not one that fits. */
  static async open(folder: string, options: LocalPolicyOptions): Promise<LocalPolicy> {
    const config = await readIdefics3Config(folder);
    const tokenizer = await Tokenizer.load(folder);
    const processor = await Idefics3Processor.load(folder, config, tokenizer);
    const model = new SmolVlm(config);
    const weights = await loadWeights(folder, model);
    return new LocalPolicy(folder, options, model, processor, tokenizer, weights);
  }

  async info(): Promise<PolicyInfo> {
    const { modelType } = this.model.config;
    return { parameters: this.layout.size, modelType, version: this.optimizer.state.steps };
  }

  async sample(
    prompts: readonly Prompt[],
    options: SamplingOptions,
    signal?: AbortSignal,
  ): Promise<Completion[][]> {
    const checkpoint = checkpointOf(signal);
    const encoded = await this.#encodePrompts(prompts, "policy", checkpoint);
    const sampler = new Sampler(
      this.model,
      this.#sessions,
      this.layout.views(this.weights),
      encoded,
      options,
    );
    const groups = await sampler.run(checkpoint);
    return groups.map((group) =>
      group.map((sampled) => ({ ...sampled, text: this.tokenizer.decode(sampled.tokens, true).trim() })),
    );
  }

  async score(
    groups: readonly { readonly prompt: Prompt; readonly completions: readonly Int32Array[] }[],
    { weights, temperature }: { readonly weights: WeightSet; readonly temperature: number },
    signal?: AbortSignal,
  ): Promise<Float32Array[][]> {
    const checkpoint = checkpointOf(signal);
    const encoded = await this.#encodePrompts(
      groups.map(({ prompt }) => prompt),
      weights,
      checkpoint,
    );
    const jobs = groups.map(({ completions }, i): TreeJob => {
      const { prefix, suffix, tiles } = encoded[i] as EncodedPrompt;
      return { prefix: joined(prefix, suffix), tiles, targets: completions };
    });
    const views = this.layout.views(this.#flat(weights));
    const result: Float32Array[][] = groups.map(() => []);
    for (const batch of jobs.length === 0 ? [] : planMicroBatches(jobs, this.#options.microBatchTokens)) {
      await checkpoint();
      const { shape } = batch;
      const session = await this.#sessions.get("score", shape, () => scoreGraph(this.model, shape));
      const outputs = await session.run({
        ...views,
        ...microBatchFeeds(this.model, batch, jobs),
        image_rows: this.#imageRows(batch, encoded),
        inverse_temperature: Float32Array.of(1 / temperature),
      });
      const logProbs = outputs.log_probs as Float32Array;
      batch.jobs.forEach((job, p) => {
        result[job] = (jobs[job] as TreeJob).targets.map((target, b) => {
          const at = (p * shape.branches + b) * (shape.branchLength + 1);
          return logProbs.slice(at, at + target.length);
        });
      });
    }
    return result;
  }

  async prepare(images: readonly RgbImage[], signal?: AbortSignal): Promise<void> {
    const checkpoint = checkpointOf(signal);
    const prepared: PreparedImage[] = [];
    for (const image of images) {
      await checkpoint();
      prepared.push(this.#encoder.prepare(image));
    }
    await this.#encoder.encode(prepared, this.layout.views(this.weights), this.#visionVersion, checkpoint);
  }

  async update(
    groups: readonly RolloutGroup[],
    options: GrpoOptions,
    signal?: AbortSignal,
  ): Promise<UpdateReport> {
    const images = groups.map(({ prompt }) => this.#encoder.prepare(prompt.image));
    const jobs = groups.map(({ prompt, rollouts }, i): TreeJob => {
      const { tiles, grid } = images[i] as PreparedImage;
      const targets = rollouts.map(({ completion }) => completion.tokens);
      return { prefix: this.#processor.prompt(prompt.text, grid), tiles, targets };
    });
    const masks = groups.map(({ rollouts }) =>
      rollouts.map(({ completion, mask }) => mask ?? new Uint8Array(completion.tokens.length).fill(1)),
    );
    const lengths = masks.flat().map((mask) => mask.reduce((sum, m) => sum + m, 0));
    const perToken = tokenWeights(options.loss, lengths, options.maxTokens);
    let row = 0;
    const weights = masks.map((group) =>
      group.map((mask) => Float32Array.from(mask, (m) => m * (perToken[row] as number), row++)),
    );
    const objective: Objective = {
      kind: "grpo",
      clipLow: options.clipLow,
      clipHigh: options.clipHigh,
      beta: options.beta,
    };
    const rollout = (job: number, b: number) => groups[job]?.rollouts[b];
    const feeds = (batch: MicroBatch): Record<string, Float32Array> => ({
      inverse_temperature: Float32Array.of(1 / options.temperature),
      weights: tokenValues(batch, (job, b) => weights[job]?.[b]),
      old_log_probs: tokenValues(batch, (job, b) => rollout(job, b)?.completion.logProbs),
      ...(options.beta === 0
        ? {}
        : { reference_log_probs: tokenValues(batch, (job, b) => referenceOf(rollout(job, b))) }),
      advantages: advantagesOf(batch, groups),
    });
    const tokens = lengths.reduce((sum, n) => sum + n, 0);
    return this.#learn(
      { jobs, images, objective, feeds, tokens, learningRate: options.learningRate },
      signal,
    );
  }

  /** Examples about one image share it: the image is their prefix, question and answer are branches. */
  async supervise(
    examples: readonly Example[],
    { learningRate }: { readonly learningRate: number },
    signal?: AbortSignal,
  ): Promise<UpdateReport> {
    const end = this.model.config.eosTokenIds[0] as number;
    const byImage = new Map<
      string,
      { image: PreparedImage; prefix: Int32Array; targets: Int32Array[]; weights: Float32Array[] }
    >();
    let total = 0;
    for (const { prompt, completion, weight = 1 } of examples) {
      const image = this.#encoder.prepare(prompt.image);
      const [prefix, suffix] = this.#splitPrompt(this.#processor.prompt(prompt.text, image.grid));
      const answer = typeof completion === "string" ? this.tokenizer.encode(completion) : completion;
      const wanted = typeof completion === "string" ? Int32Array.of(...answer, end) : answer;
      const job = byImage.get(image.id) ?? { image, prefix, targets: [], weights: [] };
      byImage.set(image.id, job);
      job.targets.push(joined(suffix, wanted));
      job.weights.push(
        Float32Array.from({ length: suffix.length + wanted.length }, (_, t) =>
          t < suffix.length ? 0 : weight,
        ),
      );
      total += wanted.length * weight;
    }
    const all = [...byImage.values()];
    const jobs = all.map(({ image, prefix, targets }): TreeJob => ({ prefix, tiles: image.tiles, targets }));
    const feeds = (batch: MicroBatch): Record<string, Float32Array> => ({
      inverse_temperature: Float32Array.of(1),
      weights: tokenValues(batch, (job, b) => all[job]?.weights[b]).map((w) => w / total),
    });
    const images = all.map(({ image }) => image);
    return this.#learn(
      { jobs, images, objective: { kind: "cross_entropy" }, feeds, tokens: total, learningRate },
      signal,
    );
  }

  async save(folder: string): Promise<void> {
    try {
      await mkdir(folder, { recursive: true });
      for (const name of await readdir(this.#folder))
        if (/\.(json|jinja|txt|model)$/.test(name) && !name.endsWith(".safetensors.index.json"))
          await copyFile(join(this.#folder, name), join(folder, name));
    } catch (cause) {
      throw new VisplayError("disk", `${folder}: cannot write the model: ${(cause as Error).message}`, {
        cause,
      });
    }
    const tensors = this.layout.specs.map(
      ({ name, shape }) => [name, { shape, data: this.layout.view(this.weights, name) }] as const,
    );
    await writeSafetensors(join(folder, "model.safetensors"), new Map(tensors));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sessions[Symbol.asyncDispose]();
    await this.optimizer[Symbol.asyncDispose]();
  }

  /** Forward and backward over micro-batches, one norm, one optimiser step. */
  async #learn(work: LearningWork, signal?: AbortSignal): Promise<UpdateReport> {
    const checkpoint = checkpointOf(signal);
    const { state } = this.optimizer;
    const gradients = this.#gradients.fill(0);
    const totals = { loss: 0, kl: 0, clipped: 0 };
    const batches = planMicroBatches(work.jobs, this.#options.microBatchTokens);
    for (const [i, batch] of batches.entries()) {
      await checkpoint();
      const target = i === 0 ? gradients : this.#scratch;
      const outputs = await this.#differentiate(work, batch, target);
      totals.loss += outputs.loss?.[0] ?? 0;
      totals.kl += outputs.kl?.[0] ?? 0;
      totals.clipped += outputs.clipped?.[0] ?? 0;
      if (i > 0) accumulate(gradients, target);
    }
    const gradientNorm = globalNorm(gradients);
    if (!Number.isFinite(totals.loss) || !Number.isFinite(gradientNorm))
      throw new VisplayError(
        "numeric",
        `optimiser step ${state.steps + 1}: the loss is ${totals.loss} and the gradient norm ${gradientNorm}; expected finite numbers. The weights are unchanged; lower the learning rate`,
      );
    const ranges = [...this.layout.groups].map(([group, range]) => ({
      ...range,
      learningRate: work.learningRate * this.#options.learningRateFactors[group],
    }));
    await checkpoint();
    await this.optimizer.step(this.weights, gradients, gradientNorm, ranges);
    const { loss, kl, clipped } = totals;
    const { tokens } = work;
    const share = (n: number): number => n / Math.max(1, tokens);
    return { loss, gradientNorm, kl: share(kl), clipFraction: share(clipped), tokens, version: state.steps };
  }

  async #differentiate(
    work: LearningWork,
    batch: MicroBatch,
    gradients: Float32Array,
  ): Promise<Record<string, Float32Array>> {
    const images = [
      ...new Map(batch.jobs.map((job) => [work.images[job]?.id, work.images[job] as PreparedImage])).values(),
    ];
    const shape = { ...batch.shape, images: Math.min(batch.shape.prefixes, nextPowerOfTwo(images.length)) };
    const trainable = this.#trainable;
    const session = await this.#sessions.get("update", { shape, ...work.objective }, () =>
      updateGraph(this.model, shape, work.objective, trainable),
    );
    const patches = new Float32Array(
      shape.images * shape.tiles * this.model.patchesPerTile * this.model.patchWidth,
    );
    images.forEach((image, i) => {
      patches.set(image.patches, i * image.patches.length);
    });
    const select = new Float32Array(shape.prefixes * shape.images);
    batch.jobs.forEach((job, p) => {
      select[p * shape.images + images.findIndex(({ id }) => id === work.images[job]?.id)] = 1;
    });
    const into = Object.fromEntries(
      trainable.map((name) => [`d:${name}`, this.layout.view(gradients, name)]),
    );
    const feeds = { ...microBatchFeeds(this.model, batch, work.jobs), ...work.feeds(batch), patches, select };
    return session.run({ ...this.layout.views(this.weights), ...feeds }, into);
  }

  async #encodePrompts(
    prompts: readonly Prompt[],
    weights: WeightSet,
    checkpoint: () => Promise<void>,
  ): Promise<EncodedPrompt[]> {
    const images = prompts.map(({ image }) => this.#encoder.prepare(image));
    const version = weights === "reference" ? "reference" : this.#visionVersion;
    const rows = await this.#encoder.encode(
      images,
      this.layout.views(this.#flat(weights)),
      version,
      checkpoint,
    );
    return prompts.map(({ text }, i) => {
      const { id, tiles, grid } = images[i] as PreparedImage;
      const [prefix, suffix] = this.#splitPrompt(this.#processor.prompt(text, grid));
      return { prefix, suffix, tiles, imageRows: rows.get(id) as Float32Array };
    });
  }

  /** A prompt's ids through its last image token and the token after it, and the rest (at least one). */
  #splitPrompt(ids: Int32Array): [Int32Array, Int32Array] {
    const end = Math.min(ids.lastIndexOf(this.model.config.imageTokenId) + 2, ids.length - 1);
    return [ids.subarray(0, end), ids.subarray(end)];
  }

  #imageRows({ shape, jobs }: MicroBatch, encoded: readonly EncodedPrompt[]): Float32Array {
    const size = shape.tiles * this.model.rowsPerTile * this.model.config.text.hiddenSize;
    const rows = new Float32Array(shape.prefixes * size);
    jobs.forEach((job, p) => {
      rows.set((encoded[job] as EncodedPrompt).imageRows, p * size);
    });
    return rows;
  }

  #flat(weights: WeightSet): Float32Array {
    return weights === "policy" ? this.weights : this.#reference;
  }

  get #trainable(): string[] {
    const factors = this.#options.learningRateFactors;
    return this.layout.specs.filter(({ group }) => factors[group] > 0).map(({ name }) => name);
  }

  /** Changes whenever encoded images become stale. */
  get #visionVersion(): string {
    const { vision, connector } = this.#options.learningRateFactors;
    return vision === 0 && connector === 0 ? "frozen" : `${this.optimizer.state.steps}`;
  }
}

interface LearningWork {
  readonly jobs: readonly TreeJob[];
  readonly images: readonly PreparedImage[];
  readonly objective: Objective;
  readonly feeds: (batch: MicroBatch) => Record<string, Float32Array>;
  /** Tokens in the loss. */
  readonly tokens: number;
  readonly learningRate: number;
}

async function loadWeights(folder: string, model: SmolVlm): Promise<Float32Array> {
  const stored = await readModelWeights(folder);
  const layout = new ParameterLayout(model.parameters);
  const flat = new Float32Array(layout.size);
  for (const { name, shape } of layout.specs) {
    const tensor = stored.get(name);
    if (tensor === undefined)
      throw new VisplayError("model", `${folder}: the weights lack ${name} [${shape}]`);
    if (`${tensor.shape}` !== `${shape}`)
      throw new VisplayError(
        "model",
        `${folder}: ${name} is [${tensor.shape}], config.json asks for [${shape}]`,
      );
    layout.view(flat, name).set(tensor.data);
    stored.delete(name);
  }
  const [unknown] = stored.keys();
  if (unknown !== undefined)
    throw new VisplayError(
      "model",
      `${folder}: the weights hold ${unknown}, which this architecture does not have`,
    );
  return flat;
}

function checkpointOf(signal: AbortSignal | undefined): () => Promise<void> {
  return async () => {
    if (signal?.aborted) throw new VisplayError("cancelled", "the call was cancelled");
  };
}

function joined(a: Int32Array, b: Int32Array): Int32Array {
  const all = new Int32Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}

function accumulate(total: Float32Array, part: Float32Array): void {
  for (let i = 0; i < total.length; i++) total[i] = (total[i] as number) + (part[i] as number);
}

function advantagesOf({ shape, jobs }: MicroBatch, groups: readonly RolloutGroup[]): Float32Array {
  const all = new Float32Array(shape.prefixes * shape.branches);
  jobs.forEach((job, p) => {
    groups[job]?.rollouts.forEach(({ advantage }, b) => {
      all[p * shape.branches + b] = advantage;
    });
  });
  return all;
}

function referenceOf(rollout: RolloutGroup["rollouts"][number] | undefined): Float32Array | undefined {
  if (rollout && !rollout.referenceLogProbs)
    throw new VisplayError(
      "config",
      "a KL term (beta > 0) needs the reference's log-probabilities of every rollout",
    );
  return rollout?.referenceLogProbs;
}
