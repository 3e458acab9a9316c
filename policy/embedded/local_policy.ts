import { setImmediate } from "node:timers/promises";
import type { Device } from "../../autodiff/onnx/device.ts";
import { requireDevice } from "../../autodiff/onnx/require_device.ts";
import { VisplayError } from "../../common/errors.ts";
import type { RgbImage } from "../../images/image.ts";
import type { Resolution } from "../chat/processing.ts";
import { type PromptTokens, promptTokens } from "../chat/prompt_tokens.ts";
import type { Tokenizer } from "../chat/tokenizer.ts";
import type { Weights } from "../models/layers.ts";
import type {
  ImageProcessor,
  ParameterGroup,
  PreparedImage,
  VisionLanguageModel,
} from "../models/vision_language_model.ts";
import type {
  Completion,
  Example,
  GrpoOptions,
  PolicyInfo,
  Prompt,
  RolloutGroup,
  SamplingOptions,
  UpdateReport,
  WeightSet,
} from "../port.ts";
import type { AdapterOptions } from "../weights/adapter_weights.ts";
import type { TrainedWeights } from "../weights/trained_weights.ts";
import { type ActivityCells, ActivityReport } from "./activity.ts";
import { BufferPool } from "./buffer_pool.ts";
import { scoreGraph, updateGraph } from "./graphs.ts";
import { ImageEncoder } from "./image_encoder.ts";
import { Learner, type LearnerOptions } from "./learner.ts";
import { grpoWork, imitationWork, joined, type LearningWork, pictures, prefixRows } from "./learning_work.ts";
import {
  microBatchFeeds,
  planMicroBatches,
  planUpdate,
  type TreeJob,
  type UpdateTokens,
} from "./micro_batch.ts";
import { affordableTokens, forwardTokens, isLarge } from "./model_size.ts";
import { type OpenedModel, openWeights } from "./open_weights.ts";
import { loadOptimizer, writeOptimizer } from "./optimizer_state.ts";
import type { EncodedPrompt } from "./prefill.ts";
import {
  type GradientShare,
  type LearningTask,
  type Replica,
  type TokenSums,
  updateReport,
} from "./replica.ts";
import { Sampler } from "./sampler.ts";
import { SessionCache } from "./sessions.ts";

export interface LocalPolicyOptions extends LearnerOptions {
  /** Padded tokens that one micro-batch of an update may hold; null: as many as take one to two gigabytes. */
  readonly microBatchTokens: number | null;
  /**
   * Whether updates compute layers again instead of keeping them: a third more work, a fraction of the memory. Null
   * (default): where a group is too large otherwise.
   */
  readonly recomputes?: boolean | null;
  /**
   * Trains adapters of this kind instead of the parameter groups whose learning rate is not zero. A folder that holds
   * an adapter goes on with that.
   */
  readonly adapter?: AdapterOptions | null;
  /** The folder of the model itself, where an adapter's does not lie under the name that the adapter has for it. */
  readonly base?: string;
  /** How much of a picture the model sees; default: as its folder says. */
  readonly resolution?: Resolution;
  /** Where the model's graphs run (default "cpu"); the optimiser, which only adds and multiplies, stays on the CPU. */
  readonly device?: Device;
  /** Where it says what it is at; default: nowhere. */
  readonly activityCells?: ActivityCells | undefined;
}

/** Runs between graph runs and throws where the call was cancelled. */
type Checkpoint = () => Promise<void>;

/** Idle memory of decoding caches. */
const poolBytes = { small: 16 * 2 ** 20, large: 64 * 2 ** 20 };

/** A policy that samples, scores and learns in the calling thread; calls must not overlap. */
export class LocalPolicy implements Replica {
  readonly model: VisionLanguageModel;
  /** Whether sessions have to spare memory. */
  readonly large: boolean;
  /** The model's parameters as graph tensors. */
  readonly tensors: Weights;
  readonly learner: Learner;
  readonly sessions: SessionCache;
  /** Padded tokens that a run without gradients may hold. */
  readonly forwardTokens: number;
  readonly pool: BufferPool;
  readonly activity: ActivityReport;
  readonly encoder: ImageEncoder;
  readonly tokenizer: Tokenizer;
  readonly weights: TrainedWeights;
  readonly #processor: ImageProcessor;
  readonly #referenceViews: Record<string, Float32Array>;
  readonly #microBatchTokens: UpdateTokens;
  readonly #recomputes: boolean | null;

  private constructor(options: LocalPolicyOptions, { model, processor, tokenizer, weights }: OpenedModel) {
    const { tensors, layout, initial } = weights;
    this.model = model;
    this.tensors = tensors;
    this.learner = new Learner(layout, initial, options);
    const { threads, device } = options;
    this.large = isLarge(model.parameters);
    this.sessions = new SessionCache({ threads, device, large: this.large });
    this.pool = new BufferPool(this.large ? poolBytes.large : poolBytes.small);
    this.activity = new ActivityReport(options.activityCells);
    this.encoder = new ImageEncoder(this, processor);
    this.tokenizer = tokenizer;
    this.weights = weights;
    this.#processor = processor;
    this.#referenceViews = layout.views(initial.slice());
    const { microBatchTokens } = options;
    this.#microBatchTokens = {
      kept: microBatchTokens ?? affordableTokens(model.config, false),
      recomputed: microBatchTokens ?? affordableTokens(model.config, true),
    };
    this.forwardTokens = forwardTokens(model.config);
    this.#recomputes = options.recomputes ?? null;
  }

  /**
   * Opens a Hugging Face model folder, or a PEFT adapter's; throws a `VisplayError` of code "model" where it is not one
   * that fits, "config" where the device cannot be used.
   */
  static async open(folder: string, options: LocalPolicyOptions): Promise<LocalPolicy> {
    const { adapter, base, resolution, learningRateFactors, device = "cpu" } = options;
    await requireDevice(device);
    const trains = (group: ParameterGroup) => learningRateFactors[group] > 0;
    return new LocalPolicy(options, await openWeights(folder, { adapter, base, resolution, trains }));
  }

  async info(): Promise<PolicyInfo> {
    const { modelType } = this.model.config;
    const { scaling } = this.#processor;
    const parameters = this.weights.layout.size;
    return { parameters, modelType, version: this.learner.version, scaling };
  }

  async sample(
    prompts: readonly Prompt[],
    { firstPrompt = 0, ...options }: SamplingOptions & { readonly firstPrompt?: number },
    signal?: AbortSignal,
  ): Promise<Completion[][]> {
    const checkpoint = checkpointOf(signal);
    const encoded = await this.#encode(prompts, "policy", checkpoint);
    const weights = this.#views("policy");
    const sampler = new Sampler(this, weights, encoded, { ...options, firstPrompt });
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
    const encoded = await this.#encode(
      groups.map(({ prompt }) => prompt),
      weights,
      checkpoint,
    );
    const jobs = groups.map(({ completions }, i): TreeJob => {
      const { prefix, suffix, image } = encoded[i] as EncodedPrompt;
      return { prefix: joined(prefix, suffix), image, targets: completions };
    });
    const result: Float32Array[][] = groups.map(() => []);
    const maxTokens = Math.min(this.#microBatchTokens.recomputed, this.forwardTokens);
    const batches = planMicroBatches(jobs, maxTokens);
    this.activity.begin("scoring", batches.length);
    for (const batch of batches) {
      await checkpoint();
      const { shape } = batch;
      const session = await this.sessions.get("score", { ...shape, temperature }, () =>
        scoreGraph(this.model, this.tensors, shape, temperature),
      );
      const outputs = await session.run({
        ...this.#views(weights),
        ...microBatchFeeds(this.model, batch, jobs),
        image_rows: prefixRows(
          this.model,
          batch,
          encoded.map(({ imageRows }) => imageRows),
        ),
      });
      const logProbs = outputs.log_probs as Float32Array;
      batch.jobs.forEach((job, p) => {
        const { targets } = jobs[job] as TreeJob;
        targets.slice(batch.firstBranch, batch.firstBranch + shape.branches).forEach((target, b) => {
          const at = (p * shape.branches + b) * (shape.branchLength + 1);
          result[job]?.push(logProbs.slice(at, at + target.length));
        });
      });
      this.activity.advance();
    }
    return result;
  }

  async prepare(images: readonly RgbImage[], signal?: AbortSignal): Promise<void> {
    const checkpoint = checkpointOf(signal);
    const prepared: PreparedImage[] = [];
    for (const image of images) {
      await checkpoint();
      try {
        prepared.push(this.tokens({ image, text: "" }).image);
      } catch (error) {
        if (!isFaultOfPrompt(error)) throw error;
      }
    }
    await this.encoder.encode(prepared, this.#views("policy"), this.#imageVersion("policy"), checkpoint);
  }

  update(groups: readonly RolloutGroup[], options: GrpoOptions, signal?: AbortSignal): Promise<UpdateReport> {
    return this.#learn({ kind: "grpo", groups, options }, options.learningRate, signal);
  }

  supervise(
    examples: readonly Example[],
    { learningRate }: { readonly learningRate: number },
    signal?: AbortSignal,
  ): Promise<UpdateReport> {
    return this.#learn({ kind: "imitation", examples }, learningRate, signal);
  }

  async differentiate(
    task: LearningTask,
    gradient: Float32Array,
    signal?: AbortSignal,
  ): Promise<TokenSums & Pick<GradientShare, "loss" | "weight">> {
    const work = this.work(task);
    try {
      const sums = await this.accumulate(work, checkpointOf(signal));
      const { tokens, weight } = work;
      return { ...sums, tokens, weight, loss: this.learner.take(gradient) };
    } finally {
      this.learner.discard();
    }
  }

  step(
    shares: readonly GradientShare[],
    learningRate: number,
  ): Promise<Pick<UpdateReport, "loss" | "gradientNorm" | "version">> {
    this.learner.join(shares);
    return this.learner.step(learningRate);
  }

  /** The work of imitating examples; wanted texts end with the model's stop token. */
  imitation(examples: readonly Example[]): LearningWork {
    const [end] = this.model.config.eosTokenIds;
    const prompts = examples.map(({ prompt }) => this.tokens(prompt));
    return imitationWork(examples, prompts, (text) =>
      Int32Array.of(...this.tokenizer.encode(text), end as number),
    );
  }

  /** Throws a `VisplayError` of code "images" or "prompt" where the model cannot take the image or the text. */
  tokens({ image, text }: Prompt): PromptTokens {
    return promptTokens(text, this.encoder.prepare(image), this.#processor, this.model.config);
  }

  /** Adds the gradients of some work to the learner's, micro-batch by micro-batch. */
  async accumulate(work: LearningWork, checkpoint: Checkpoint): Promise<{ kl: number; clipped: number }> {
    const totals = { kl: 0, clipped: 0 };
    const encoded = this.#trainsImages ? null : await this.#imageRows(work.images, "policy", checkpoint);
    const { batches, recomputes } = planUpdate(work.jobs, this.#microBatchTokens, this.#recomputes);
    this.activity.begin("updating", batches.length);
    for (const batch of batches) {
      await checkpoint();
      const { images, feeds } = encoded
        ? { images: null, feeds: { image_rows: prefixRows(this.model, batch, encoded) } }
        : pictures(this.model, work, batch);
      const shape = { ...batch.shape, images, recomputes };
      const session = await this.sessions.get("update", { ...shape, ...work.objective }, () =>
        updateGraph(this.model, this.tensors, shape, work.objective, this.learner.trainable),
      );
      const tree = microBatchFeeds(this.model, batch, work.jobs);
      const outputs = await this.learner.accumulate(session, { ...tree, ...feeds, ...work.feeds(batch) });
      totals.kl += outputs.kl?.[0] ?? 0;
      totals.clipped += outputs.clipped?.[0] ?? 0;
      this.activity.advance();
    }
    return totals;
  }

  async save(folder: string): Promise<void> {
    await this.weights.write(folder, this.learner.weights);
  }

  async saveState(folder: string): Promise<void> {
    await this.save(folder);
    await writeOptimizer(folder, this.weights.layout, this.learner.optimizer.state);
  }

  async loadState(folder: string): Promise<void> {
    const weights = await this.weights.read(folder);
    const state = await loadOptimizer(folder, this.weights.layout);
    this.learner.load(weights, state);
    this.encoder.forget();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sessions[Symbol.asyncDispose]();
    await this.learner[Symbol.asyncDispose]();
  }

  /** What a task computes, before it is split into micro-batches. */
  work(task: LearningTask): LearningWork {
    if (task.kind === "imitation") return this.imitation(task.examples);
    const prompts = task.groups.map(({ prompt }) => this.tokens(prompt));
    return grpoWork(task.groups, prompts, task.options);
  }

  async #learn(task: LearningTask, learningRate: number, signal?: AbortSignal): Promise<UpdateReport> {
    const checkpoint = checkpointOf(signal);
    const work = this.work(task);
    try {
      const sums = await this.accumulate(work, checkpoint);
      await checkpoint();
      return updateReport(await this.learner.step(learningRate), [{ ...sums, tokens: work.tokens }]);
    } finally {
      this.learner.discard();
    }
  }

  async #encode(
    prompts: readonly Prompt[],
    weights: WeightSet,
    checkpoint: Checkpoint,
  ): Promise<EncodedPrompt[]> {
    const tokens = prompts.map((prompt) => this.tokens(prompt));
    const images = tokens.map(({ image }) => image);
    const rows = await this.#imageRows(images, weights, checkpoint);
    return tokens.map(({ image, prefix, suffix }, i) => {
      return { prefix, suffix, image: image.shape, imageRows: rows[i] as Float32Array };
    });
  }

  /** The rows of embeddings of each image; equal images have the same array. */
  async #imageRows(
    images: readonly PreparedImage[],
    weights: WeightSet,
    checkpoint: Checkpoint,
  ): Promise<Float32Array[]> {
    const version = this.#imageVersion(weights);
    const rows = await this.encoder.encode(images, this.#views(weights), version, checkpoint);
    return images.map(({ id }) => rows.get(id) as Float32Array);
  }

  #views(weights: WeightSet): Record<string, Float32Array> {
    return weights === "policy" ? this.learner.views : this.#referenceViews;
  }

  /** Changes whenever encoded images become stale. */
  #imageVersion(weights: WeightSet): string {
    if (!this.#trainsImages) return "frozen";
    return weights === "reference" ? "reference" : `${this.learner.version}`;
  }

  get #trainsImages(): boolean {
    return this.learner.trains("vision", "connector");
  }
}

function isFaultOfPrompt(error: unknown): boolean {
  return error instanceof VisplayError && (error.code === "images" || error.code === "prompt");
}

/** Lets messages in, such as the one that cancels, and then looks whether one did. */
function checkpointOf(signal: AbortSignal | undefined): Checkpoint {
  return async () => {
    await setImmediate();
    if (signal?.aborted) throw new VisplayError("cancelled", "the call was cancelled");
  };
}
