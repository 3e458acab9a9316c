import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeImage } from "../../images/decode.ts";
import type { Shown } from "../../policy/chat/conversation.ts";
import { grpoWork } from "../../policy/embedded/learning_work.ts";
import { LocalPolicy, type LocalPolicyOptions } from "../../policy/embedded/local_policy.ts";
import type { TreeJob } from "../../policy/embedded/micro_batch.ts";
import { AdamW, globalNorm, type OptimizerState } from "../../policy/embedded/optimizer.ts";
import { type SampledTokens, Sampler } from "../../policy/embedded/sampler.ts";
import { score } from "../../policy/embedded/score.ts";
import { promptTokens, type Stretch } from "../../policy/embedded/stretch.ts";
import type { PreparedImage } from "../../policy/models/vision_language_model.ts";
import type { TrainingGroup } from "../../policy/port.ts";
import type { AdamParams, ReadChunk, ReadDatum } from "./requests.ts";
import { seedBefore } from "./seed.ts";

/** What a server says where a request cannot be carried out. */
export class Refused extends Error {}

/** Tokens with the images that they show. */
interface Input {
  readonly ids: Int32Array;
  readonly images: readonly Shown<PreparedImage>[];
}

export interface Sampling {
  readonly samples: number;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly seed: number;
  readonly stop: readonly number[];
}

/** What a server silently does otherwise. */
export interface Flaws {
  /** How images are lost on their way: their places stay, or these are lost as well. */
  readonly dropsImages: "alone" | "withPlaces" | null;
  /** Parameters of AdamW that are not applied. */
  readonly ignores: readonly (keyof AdamParams)[];
}

/** Where they are not told otherwise. */
const usual: AdamParams = {
  ...{ learning_rate: 1e-4, beta1: 0.9, beta2: 0.95, eps: 1e-12 },
  ...{ weight_decay: 0, grad_clip_norm: 0 },
};

/** Weights as they were when they were published. */
export interface Snapshot {
  readonly views: Record<string, Float32Array>;
  readonly version: string;
}

const noPause = async (): Promise<void> => {};

/** One model of a server: a local policy that is asked in token ids and PNG files. */
export class Backend implements AsyncDisposable {
  readonly #policy: LocalPolicy;
  readonly #flaws: Flaws;
  readonly #initial: Float32Array;
  readonly #optimizers = new Map<string, AdamW>();
  #hasGradient = false;

  private constructor(policy: LocalPolicy, flaws: Flaws) {
    this.#policy = policy;
    this.#flaws = flaws;
    this.#initial = policy.learner.weights.slice();
  }

  static async open(folder: string, options: LocalPolicyOptions, flaws: Flaws): Promise<Backend> {
    return new Backend(await LocalPolicy.open(folder, options), flaws);
  }

  /** Log-probabilities of each datum's targets; with gradients, those of the sum over all tokens are kept for a step. */
  async pass(data: readonly ReadDatum[], loss: string, forwardOnly: boolean): Promise<Float32Array[]> {
    const jobs = await Promise.all(data.map((datum) => this.#job(datum)));
    const policy = this.#policy;
    const images = jobs.flatMap(({ prefix, targets }) => [prefix, ...targets].flatMap((each) => each.images));
    const rows = await this.#rows(images, policy.learner.views, `${policy.learner.version}`);
    const encoded = jobs.map(({ prefix, targets }) => ({
      prefix: withRows(prefix, rows),
      targets: targets.map((target) => ({ ...target, ...withRows(target, rows) })),
    }));
    const options = { weights: policy.learner.views, temperature: 1, maxTokens: policy.forwardTokens };
    const scored = await score(policy, encoded, options, noPause);
    const logProbs = data.map(({ loss: { target_tokens } }, i) => {
      const { prefix } = jobs[i] as TreeJob<PreparedImage>;
      const all = new Float32Array(target_tokens?.data.length ?? 0);
      all.set(scored[i]?.[0] ?? [], prefix.tokens.length - 1);
      return all;
    });
    if (!forwardOnly) await this.#differentiate(data, jobs, loss);
    return logProbs;
  }

  async #differentiate(
    data: readonly ReadDatum[],
    jobs: readonly TreeJob<PreparedImage>[],
    loss: string,
  ): Promise<void> {
    if (loss !== "importance_sampling") throw new Refused(`this server has no gradient of ${loss}`);
    const groups = data.map(({ loss: inputs }, i): TrainingGroup => {
      const { prefix, targets } = jobs[i] as TreeJob<PreparedImage>;
      const start = prefix.tokens.length - 1;
      const tokens = targets[0]?.tokens as Int32Array;
      const of = (name: string): Float32Array => Float32Array.from(inputs[name]?.data.slice(start) ?? []);
      const weights = of("weights");
      const advantage = of("advantages").map((value, t) => value * (weights[t] as number));
      const mask = Uint8Array.from(weights, (weight) => Number(weight !== 0));
      return {
        prompt: { turns: [] },
        rollouts: [{ completion: { tokens, logProbs: of("logprobs") }, advantage, mask }],
      };
    });
    // A token counts 1: a sum of -r A.
    const sum = { loss: "dr_grpo", maxTokens: 1 / groups.length, clipLow: 1, clipHigh: 1e9 } as const;
    const rest = { beta: 0, importanceCap: null, temperature: 1, learningRate: 0 };
    await this.#policy.accumulate(grpoWork(groups, jobs, { ...sum, ...rest }), noPause);
    this.#hasGradient = true;
  }

  /** One step; gives the gradient's norm. */
  async step(given: AdamParams): Promise<number> {
    if (!this.#hasGradient) throw new Refused("there is no gradient to step with");
    this.#hasGradient = false;
    const { learner, weights } = this.#policy;
    const params = { ...given };
    for (const name of this.#flaws.ignores) params[name] = usual[name];
    const gradient = new Float32Array(weights.layout.size);
    learner.take(gradient);
    const gradientNorm = globalNorm(gradient);
    const optimizer = this.#optimizerOf(params);
    optimizer.load(learner.optimizer.state);
    const range = { start: 0, end: gradient.length, learningRate: params.learning_rate };
    await optimizer.step(learner.weights, gradient, gradientNorm, [range]);
    learner.optimizer.load(optimizer.state);
    return gradientNorm;
  }

  /** That of some parameters; its state is the policy's. */
  #optimizerOf({ beta1, beta2, eps, weight_decay, grad_clip_norm }: AdamParams): AdamW {
    const options = {
      ...{ beta1, beta2, epsilon: eps, weightDecay: weight_decay },
      maxGradientNorm: grad_clip_norm === 0 ? null : grad_clip_norm,
    };
    const key = JSON.stringify(options);
    const known = this.#optimizers.get(key) ?? new AdamW(this.#policy.weights.layout.size, options, 1);
    this.#optimizers.set(key, known);
    return known;
  }

  get version(): number {
    return this.#policy.learner.version;
  }

  snapshot(): Snapshot {
    const { weights, learner } = this.#policy;
    return { views: weights.layout.views(learner.weights.slice()), version: `${learner.version}` };
  }

  async sample(
    prompt: readonly ReadChunk[],
    { views, version }: Snapshot,
    sampling: Sampling,
  ): Promise<SampledTokens[]> {
    const policy = this.#policy;
    const input = await this.#read(prompt);
    const { prefix, suffix, later } = promptTokens({ ...input, own: [] }, policy.model.config.imageTokenId);
    const rows = await this.#rows(input.images, views, version);
    const { samples, seed, stop, topK, ...options } = sampling;
    const eos = policy.model.config.eosTokenIds;
    if (stop.length > 0 && `${stop}` !== `${eos}`) throw new Refused(`stops ${stop}; expected ${eos}`);
    const sampler = new Sampler(
      policy,
      views,
      [{ prefix: withRows(prefix, rows), suffix, later: later.map((each) => withRows(each, rows)) }],
      {
        ...options,
        topK: Math.max(0, topK),
        groupSize: samples,
        // Draws are those of the seed itself, which the sampler makes of one before the prompt's number.
        seed: seedBefore(seed, 0),
        firstPrompt: 0,
        ignoreEos: stop.length === 0,
      },
    );
    const [group = []] = await sampler.run();
    return group;
  }

  save(folder: string): Promise<void> {
    return this.#policy.saveState(folder);
  }

  /** As it was opened. */
  reset(): void {
    this.#hasGradient = false;
    this.#policy.learner.load(this.#initial, emptyState(this.#initial.length));
    this.#policy.encoder.forget();
  }

  async load(folder: string, withOptimizer: boolean): Promise<void> {
    await this.#policy.loadState(folder);
    if (withOptimizer) return;
    const { optimizer, weights } = this.#policy.learner;
    optimizer.load(emptyState(weights.length));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const optimizer of this.#optimizers.values()) await optimizer[Symbol.asyncDispose]();
    await this.#policy[Symbol.asyncDispose]();
  }

  #rows(images: readonly PreparedImage[], views: Record<string, Float32Array>, version: string) {
    return this.#policy.encoder.encode(images, views, version, noPause);
  }

  /** What is read of a datum, as a beginning, and what is to be scored behind it. */
  async #job({ input, loss }: ReadDatum): Promise<TreeJob<PreparedImage>> {
    const { ids, images } = await this.#read(input);
    const targets = loss.target_tokens;
    if (targets?.dtype !== "int64" || targets.data.length !== ids.length)
      throw new Refused(`target_tokens are ${targets?.data.length} of ${ids.length}`);
    for (const [name, { data, shape }] of Object.entries(loss))
      if (data.length !== ids.length || `${shape}` !== `${ids.length}`)
        throw new Refused(`${name} has the shape ${shape}; expected ${ids.length}`);
    const { imageTokenId } = this.#policy.model.config;
    for (const [at, target] of targets.data.entries())
      if (at + 1 < ids.length && target !== (ids[at + 1] === imageTokenId ? 0 : ids[at + 1]))
        throw new Refused(`target ${target} at ${at}, where ${ids[at + 1]} follows`);
    const all = Int32Array.of(...ids, targets.data.at(-1) as number);
    // What is not in the loss needs no branch, beyond what an image leaves.
    const first = loss.weights?.data.findIndex((weight) => weight !== 0) ?? -1;
    const start = Math.max(1, first < 0 ? all.lastIndexOf(imageTokenId) + 2 : first + 1);
    return {
      prefix: { tokens: all.subarray(0, start), images: images.filter((image) => image.start < start) },
      targets: [
        {
          tokens: all.subarray(start),
          images: images
            .filter((image) => image.start >= start)
            .map((image) => ({ ...image, start: image.start - start })),
          sampled: null,
        },
      ],
    };
  }

  async #read(chunks: readonly ReadChunk[]): Promise<Input> {
    const { imageTokenId } = this.#policy.model.config;
    const ids: number[] = [];
    const images: Shown<PreparedImage>[] = [];
    for (const chunk of chunks) {
      if (chunk.kind === "text") {
        if (chunk.tokens.includes(imageTokenId)) throw new Refused("an image token without an image");
        ids.push(...chunk.tokens);
        continue;
      }
      const { dropsImages } = this.#flaws;
      if (dropsImages === "withPlaces") continue;
      if (dropsImages === "alone") {
        for (let row = 0; row < (chunk.expected ?? 0); row++) ids.push(imageTokenId);
        continue;
      }
      const prepared = this.#policy.encoder.prepare(await decodeImage(chunk.data, null));
      const rows = this.#policy.model.rows(prepared.shape);
      if (chunk.expected !== null && chunk.expected !== rows)
        throw new Refused(`expected_tokens is ${chunk.expected}, but the image takes ${rows}`);
      images.push({ ...prepared, start: ids.length });
      for (let row = 0; row < rows; row++) ids.push(imageTokenId);
    }
    return { ids: Int32Array.from(ids), images };
  }
}

function emptyState(size: number): OptimizerState {
  return { firstMoment: new Float32Array(size), secondMoment: new Float32Array(size), steps: 0 };
}

function withRows({ tokens, images }: Stretch, rows: ReadonlyMap<string, Float32Array>) {
  return { tokens, images: images.map((image) => ({ ...image, rows: rows.get(image.id) as Float32Array })) };
}

/** A folder for what a server saves. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "visplay-engine-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
