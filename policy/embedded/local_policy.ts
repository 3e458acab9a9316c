import type { Device } from "../../autodiff/onnx/device.ts";
import { requireDevice } from "../../autodiff/onnx/require_device.ts";
import { isFaultOfPrompt, VisplayError } from "../../common/errors.ts";
import type { RgbImage } from "../../images/image.ts";
import type { Tokenizer } from "../chat/tokenizer.ts";
import type { Weights } from "../models/layers.ts";
import type {
  ImageProcessor,
  ParameterGroup,
  PreparedImage,
  VisionLanguageModel,
} from "../models/vision_language_model.ts";
import type { AdapterOptions, Resolution, SamplingPrecision } from "../options.ts";
import type {
  Completion,
  Example,
  ImageFeatures,
  PolicyInfo,
  Prompt,
  PromptCompletions,
  SamplingOptions,
  TrainingGroup,
  UpdateOptions,
  UpdateReport,
  WeightSet,
} from "../port.ts";
import { promptAbout } from "../prompts.ts";
import type { TrainedWeights } from "../weights/trained_weights.ts";
import { accumulate, type UpdatePlan } from "./accumulate.ts";
import { type ActivityCells, ActivityReport } from "./activity.ts";
import { BufferPool } from "./buffer_pool.ts";
import { ByteDecoding, samplesInBytes } from "./byte_decoding.ts";
import { Conversations } from "./conversations.ts";
import { ImageEncoder } from "./image_encoder.ts";
import { Learner, type LearnerOptions } from "./learner.ts";
import { grpoWork, imitationWork, type LearningWork } from "./learning_work.ts";
import { imagesOfJob } from "./micro_batch.ts";
import { affordableTokens, forwardTokens, isLarge } from "./model_size.ts";
import { type OpenedModel, openWeights } from "./open_weights.ts";
import { loadOptimizer, writeOptimizer } from "./optimizer_state.ts";
import { type Pause, pauseOf } from "./pause.ts";
import type { EncodedPrompt } from "./prefill.ts";
import { PromptEncoder } from "./prompt_encoder.ts";
import {
  type GradientShare,
  type LearningTask,
  type Replica,
  type TokenSums,
  updateReport,
} from "./replica.ts";
import { type Decoding, type SampledTokens, Sampler, type SamplerTools } from "./sampler.ts";
import { score } from "./score.ts";
import { SessionCache } from "./sessions.ts";
import type { PromptTokens } from "./stretch.ts";

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
  /** How it decodes what it samples (default: in float32, as it learns). */
  readonly sampling?: SamplingPrecision;
  /** Where the model's graphs run (default "cpu"); the optimiser, which only adds and multiplies, stays on the CPU. */
  readonly device?: Device;
  /** Where it says what it is at; default: nowhere. */
  readonly activityCells?: ActivityCells | undefined;
}

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
  readonly conversations: Conversations;
  readonly weights: TrainedWeights;
  readonly #processor: ImageProcessor;
  readonly #prompts: PromptEncoder;
  readonly #updatePlan: UpdatePlan;
  /** Null where it samples as it learns. */
  readonly #bytes: ByteDecoding | null;
  readonly #importanceCap: number | null;

  private constructor(
    options: LocalPolicyOptions,
    { model, processor, tokenizer, weights }: OpenedModel,
    inBytes: boolean,
  ) {
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
    this.conversations = new Conversations({ large: this.large, threads });
    this.weights = weights;
    this.#processor = processor;
    this.#prompts = new PromptEncoder(this, processor, layout.views(initial.slice()));
    const { microBatchTokens } = options;
    const tokens = {
      kept: microBatchTokens ?? affordableTokens(model.config, false),
      recomputed: microBatchTokens ?? affordableTokens(model.config, true),
    };
    this.#updatePlan = { tokens, recomputes: options.recomputes ?? null };
    this.forwardTokens = forwardTokens(model.config);
    const { sampling } = options;
    this.#bytes = sampling && inBytes ? new ByteDecoding(this, this.forwardTokens, sampling) : null;
    this.#importanceCap = sampling && inBytes ? sampling.importanceCap : null;
  }

  /**
   * Opens a Hugging Face model folder, or a PEFT adapter's; throws a `VisplayError` of code "model" where it is not one
   * that fits, "config" where the device cannot be used.
   */
  static async open(folder: string, options: LocalPolicyOptions): Promise<LocalPolicy> {
    const { adapter, base, resolution, learningRateFactors, device = "cpu", sampling } = options;
    await requireDevice(device);
    const trains = (group: ParameterGroup) => learningRateFactors[group] > 0;
    const opened = await openWeights(folder, { adapter, base, resolution, trains });
    const inBytes = device === "cpu" && (await samplesInBytes(sampling?.precision, opened.model.parameters));
    return new LocalPolicy(options, opened, inBytes);
  }

  async info(): Promise<PolicyInfo> {
    const { modelType } = this.model.config;
    const { scaling } = this.#processor;
    const parameters = this.weights.layout.size;
    const { trainsImages } = this.#prompts;
    const { hasToolForm } = this.tokenizer;
    const { version } = this.learner;
    return { parameters, modelType, version, scaling, trainsImages, hasToolForm };
  }

  async sample(
    prompts: readonly Prompt[],
    { firstPrompt = 0, weights = "policy", ...options }: SamplingOptions & { readonly firstPrompt?: number },
    signal?: AbortSignal,
  ): Promise<Completion[][]> {
    const pause = pauseOf(signal);
    const encoded = await this.#prompts.encode(prompts, weights, pause);
    this.conversations.follow(weights === "reference" ? weights : this.learner.version);
    const groups = await this.#draw(encoded, weights, { ...options, firstPrompt }, pause);
    return groups.map((group) =>
      group.map((sampled) => ({ ...sampled, text: this.tokenizer.decode(sampled.tokens, true).trim() })),
    );
  }

  async score(
    groups: readonly PromptCompletions[],
    { weights, temperature }: { readonly weights: WeightSet; readonly temperature: number },
    signal?: AbortSignal,
  ): Promise<Float32Array[][]> {
    const pause = pauseOf(signal);
    const jobs = await this.#prompts.encodeJobs(groups, weights, pause);
    const maxTokens = Math.min(this.#updatePlan.tokens.recomputed, this.forwardTokens);
    return score(this, jobs, { weights: this.#prompts.views(weights), temperature, maxTokens }, pause);
  }

  async prepare(images: readonly RgbImage[], signal?: AbortSignal): Promise<void> {
    const pause = pauseOf(signal);
    const prepared: PreparedImage[] = [];
    for (const image of images) {
      await pause();
      try {
        prepared.push(...this.tokens(promptAbout(image, "")).prefix.images);
      } catch (error) {
        if (!isFaultOfPrompt(error)) throw error;
      }
    }
    await this.#prompts.rows(prepared, "policy", pause);
  }

  async features(
    images: readonly RgbImage[],
    { weights }: { readonly weights: WeightSet },
    signal?: AbortSignal,
  ): Promise<ImageFeatures[]> {
    const pause = pauseOf(signal);
    const prepared: PreparedImage[] = [];
    for (const image of images) {
      await pause();
      prepared.push(this.encoder.prepare(image));
    }
    const rows = await this.#prompts.rows(prepared, weights, pause);
    const width = this.model.imageWidth;
    return prepared.map(({ id, shape }) => {
      const data = rows.get(id) as Float32Array;
      return { tiles: shape.tiles, rows: data.length / (width * shape.tiles), width, data };
    });
  }

  update(
    groups: readonly TrainingGroup[],
    options: UpdateOptions,
    signal?: AbortSignal,
  ): Promise<UpdateReport> {
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
      const sums = await this.accumulate(work, pauseOf(signal));
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
  tokens(prompt: Prompt): PromptTokens {
    return this.#prompts.tokens(prompt);
  }

  /** Adds the gradients of some work to the learner's, micro-batch by micro-batch. */
  async accumulate(work: LearningWork, pause: Pause): Promise<Omit<TokenSums, "tokens">> {
    const imageRows = this.#prompts.trainsImages
      ? null
      : await this.#prompts.rows(
          work.jobs.flatMap((job) => imagesOfJob(job)),
          "policy",
          pause,
        );
    return accumulate(this, work, imageRows, this.#updatePlan, pause);
  }

  async save(folder: string): Promise<void> {
    await this.weights.write(folder, this.learner.weights);
  }

  async saveState(folder: string): Promise<void> {
    await this.save(folder);
    await writeOptimizer(folder, this.weights.layout, this.learner.optimizer.state);
    await this.#bytes?.save(folder);
  }

  async loadState(folder: string): Promise<void> {
    const weights = await this.weights.read(folder);
    const state = await loadOptimizer(folder, this.weights.layout);
    this.learner.load(weights, state);
    await this.#bytes?.load(folder);
    this.encoder.forget();
    this.conversations.forget();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sessions[Symbol.asyncDispose]();
    await this.learner[Symbol.asyncDispose]();
  }

  /** What a task computes, before it is split into micro-batches. */
  work(task: LearningTask): LearningWork {
    if (task.kind === "imitation") return this.imitation(task.examples);
    const importanceCap = task.options.importanceCap ?? this.#importanceCap;
    const jobs = task.groups.map(({ prompt, rollouts }) => {
      const completions = rollouts.map(({ completion }) => completion);
      return this.#prompts.job({ prompt, completions });
    });
    return grpoWork(task.groups, jobs, { ...task.options, importanceCap });
  }

  /** Samples in eight bits where it is to; what these make no numbers of is sampled again, as far as needed in 32. */
  async #draw(
    prompts: readonly EncodedPrompt[],
    weights: WeightSet,
    options: SamplingOptions & { readonly firstPrompt: number },
    pause: Pause,
  ): Promise<SampledTokens[][]> {
    const views = this.#prompts.views(weights);
    const speaking = { key: weights === "reference" ? weights : `${this.learner.version}`, views };
    const decoding = options.temperature > 0 ? await this.#bytes?.of(speaking, prompts) : null;
    try {
      return await new Sampler(toolsOf(this, decoding), views, prompts, options).run(pause);
    } catch (error) {
      if (!decoding || !isNumeric(error)) throw error;
      await this.#bytes?.blame(speaking, prompts);
      return this.#draw(prompts, weights, options, pause);
    }
  }

  async #learn(task: LearningTask, learningRate: number, signal?: AbortSignal): Promise<UpdateReport> {
    const pause = pauseOf(signal);
    const work = this.work(task);
    try {
      const sums = await this.accumulate(work, pause);
      await pause();
      const report = updateReport(await this.learner.step(learningRate), [{ ...sums, tokens: work.tokens }]);
      if (!this.#bytes || !report.gap) return report;
      this.#bytes.judge(report.gap);
      return { ...report, sampler: this.#bytes.report() };
    } finally {
      this.learner.discard();
    }
  }
}

/** A policy as a sampler's tools; decoding as it learns where nothing else is given. */
function toolsOf(policy: LocalPolicy, decoding: Decoding | null | undefined): SamplerTools {
  const { model, tensors, sessions, pool, activity, large, forwardTokens, conversations, tokenizer } = policy;
  const tools = { model, tensors, sessions, pool, activity, large, forwardTokens, conversations, tokenizer };
  return { ...tools, decoding: decoding ?? null };
}

function isNumeric(error: unknown): boolean {
  return error instanceof VisplayError && error.code === "numeric";
}
