import { isFaultOfPrompt, VisplayError } from "../../common/errors.ts";
import { inParallel } from "../../common/in_parallel.ts";
import { deriveSeed } from "../../common/random.ts";
import { zip } from "../../common/zip.ts";
import type { RgbImage } from "../../images/image.ts";
import type { OptimizerOptions } from "../options.ts";
import type {
  Completion,
  Example,
  ImageFeatures,
  Policy,
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
import { writeToken } from "../token_tape.ts";
import { tokenWeights } from "../token_weights.ts";
import { adapterParameters } from "./adapter_size.ts";
import { cutAtText } from "./cut.ts";
import { readEngineState, writeEngineState } from "./engine_state.ts";
import type { LoraConfig } from "./json.ts";
import { crossEntropy, grpoObjective, type ScoredRollout } from "./objective.ts";
import { RemoteModel } from "./remote_model.ts";
import { Sampler } from "./remote_sampler.ts";
import {
  chunksOf,
  datumOf,
  SequenceEncoder,
  type SequenceTools,
  sampledLogProbs,
  type TokenSequence,
} from "./sequences.ts";
import type { EngineSession } from "./session.ts";

/** What a loss on a server is: a sum over tokens, or a mean over data of means over their tokens. */
export type Reduction = "sum" | "mean";

export interface TinkerPolicyOptions {
  /** Names the policy's weights on the server, and the policy in error messages. */
  readonly name: string;
  /** The base by the server's name. */
  readonly baseModel: string;
  readonly lora: LoraConfig;
  readonly optimizer: OptimizerOptions;
  /** Requests for samples that are under way at once. */
  readonly window: number;
  readonly reduction: Reduction;
}

/** What came of a pass through the model: how the loss changes with each sampled token's log-probability. */
interface Descent {
  readonly sequences: readonly TokenSequence[];
  readonly logProbs: readonly Float32Array[];
  readonly slopes: readonly Float32Array[];
}

/**
 * A policy that a Tinker-API server samples, scores and trains, as a LoRA adapter beside a base model of its own. Losses are
 * computed here, from log-probabilities that the server gives, and it is told how much each of them is to rise: so every
 * loss means the same on every server, for one pass without gradients more. What changes the model is done in the order of
 * the calls; sampling goes on beside what is asked later, with the weights as they were.
 */
export class TinkerPolicy implements Policy {
  readonly #session: EngineSession;
  readonly #tools: SequenceTools;
  readonly #options: TinkerPolicyOptions;
  readonly #encoder: SequenceEncoder;
  /** From where its models begin; the reference is the policy as it began. */
  readonly #starts: Record<WeightSet, ModelStart>;
  readonly #models: Record<WeightSet, Promise<RemoteModel> | null> = { policy: null, reference: null };
  readonly #samplers: Record<WeightSet, Promise<Sampler> | null> = { policy: null, reference: null };
  #version = 0;
  #saves = 0;
  /** The last thing to be done of what changes the model. */
  #last: Promise<unknown> = Promise.resolve();
  /** Why the model is not to be trained on: a gradient lies on the server that no step took. */
  #broken: unknown = null;

  constructor(
    session: EngineSession,
    tools: SequenceTools,
    options: TinkerPolicyOptions,
    start: ModelStart = null,
  ) {
    this.#session = session;
    this.#tools = tools;
    this.#options = options;
    this.#encoder = new SequenceEncoder(tools);
    this.#starts = { policy: start, reference: start };
  }

  async info(): Promise<PolicyInfo> {
    const { model, tokenizer, processor } = this.#tools;
    return {
      parameters: adapterParameters(model.parameters, this.#options.lora.rank),
      modelType: model.config.modelType,
      version: this.#version,
      scaling: processor.scaling,
      trainsImages: false,
      hasToolForm: tokenizer.hasToolForm,
    };
  }

  async sample(
    prompts: readonly Prompt[],
    { weights = "policy", ...options }: SamplingOptions,
    signal?: AbortSignal,
  ): Promise<Completion[][]> {
    const opened = this.#samplerOf(weights, signal);
    const sequences = await Promise.all(prompts.map((prompt) => this.#encoder.prompt(prompt)));
    const sampler = await opened;
    const { config } = this.#tools.model;
    const { tokenizer } = this.#tools;
    const { tape, stopTexts = [], groupSize, temperature, topK, topP, seed } = options;
    return inParallel(sequences, this.#options.window, async (sequence, p) => {
      const { length } = sequence.ids;
      const room = Math.min(options.maxTokens, config.text.maxPositions - length);
      const request = {
        prompt: chunksOf(sequence, length),
        samples: groupSize,
        maxTokens: room,
        temperature,
        topK: topK === 0 ? -1 : topK,
        topP,
        seed: deriveSeed(seed, p),
        stop: options.ignoreEos ? [] : config.eosTokenIds,
        promptLogProbs: false,
      };
      const { sequences: sampled } = await sampler.sample(request, signal);
      if (sampled.length !== groupSize)
        throw new VisplayError("engine", `the engine gave ${sampled.length} of ${groupSize} completions`);
      return sampled.map(({ tokens, logProbs, stopReason }, g): Completion => {
        const whole = { tokens, logProbs, finishReason: stopReason };
        const kept = cutAtText(whole, stopTexts, (ids) => tokenizer.decode(ids));
        if (tape && p + g === 0) for (const token of kept.tokens) writeToken(tape, token);
        return { ...kept, text: tokenizer.decode(kept.tokens, true).trim() };
      });
    });
  }

  async score(
    groups: readonly PromptCompletions[],
    { weights, temperature }: { readonly weights: WeightSet; readonly temperature: number },
    signal?: AbortSignal,
  ): Promise<Float32Array[][]> {
    requireTemperature(temperature);
    const encoded = await this.#encode(groups);
    return this.#inTurn(async () => {
      const model = await this.#modelOf(weights, signal);
      const scores = await this.#forward(model, encoded.flat(), signal);
      let at = 0;
      return encoded.map(({ length }) => scores.slice(at, (at += length)));
    });
  }

  async prepare(images: readonly RgbImage[], signal?: AbortSignal): Promise<void> {
    for (const image of images) {
      signal?.throwIfAborted();
      await this.#encoder.prompt(promptAbout(image, "")).catch((error) => {
        if (!isFaultOfPrompt(error)) throw error;
      });
    }
  }

  async features(): Promise<ImageFeatures[]> {
    throw new VisplayError("model", "an engine does not show what it makes of images; probe a local model");
  }

  async update(
    groups: readonly TrainingGroup[],
    options: UpdateOptions,
    signal?: AbortSignal,
  ): Promise<UpdateReport> {
    requireTemperature(options.temperature);
    const sequences = (await this.#encode(groups.map(completionsOf))).flat();
    const rollouts = groups.flatMap((group) => group.rollouts);
    const lengths = zip(rollouts, sequences).map(([{ mask }, sequence]) => {
      if (this.#holdsImage(sequence)) return 0;
      return mask ? mask.reduce((sum, m) => sum + m, 0) : sequence.sampled.length;
    });
    const weights = tokenWeights(options.loss, lengths, options.maxTokens);
    const tokens = lengths.reduce((sum, length) => sum + length, 0);
    return this.#inTurn(async () => {
      const model = await this.#modelOf("policy", signal);
      const logProbs = await this.#forward(model, sequences, signal);
      const scored = rollouts.map(({ completion, ...rollout }, i): ScoredRollout => {
        const weight = lengths[i] === 0 ? 0 : (weights[i] as number);
        return {
          ...rollout,
          logProbs: logProbs[i] as Float32Array,
          oldLogProbs: completion.logProbs,
          weight,
        };
      });
      const { loss, kl, clipped, slopes } = grpoObjective(scored, options);
      this.#requireNumbers(loss, slopes);
      const count = Math.max(1, tokens);
      const norm = await this.#descend(model, { sequences, logProbs, slopes }, options.learningRate, signal);
      return {
        loss,
        gradientNorm: norm,
        kl: kl / count,
        clipFraction: clipped / count,
        tokens,
        version: this.#version,
      };
    });
  }

  async supervise(
    examples: readonly Example[],
    { learningRate }: { readonly learningRate: number },
    signal?: AbortSignal,
  ): Promise<UpdateReport> {
    const { tokenizer, model: definition } = this.#tools;
    const [end] = definition.config.eosTokenIds;
    const wanted = examples.map(({ prompt, completion }) => {
      const tokens =
        typeof completion === "string"
          ? Int32Array.of(...tokenizer.encode(completion), end as number)
          : completion;
      return { prompt, completions: [{ tokens }] };
    });
    const sequences = (await this.#encode(wanted)).flat();
    const tokens = zip(examples, sequences).reduce(
      (sum, [{ weight = 1 }, { sampled }]) => sum + weight * sampled.length,
      0,
    );
    const weights = examples.map(({ weight = 1 }) => weight / tokens);
    return this.#inTurn(async () => {
      const model = await this.#modelOf("policy", signal);
      const logProbs = await this.#forward(model, sequences, signal);
      const loss = crossEntropy(logProbs, weights);
      const slopes = logProbs.map((own, i) => new Float32Array(own.length).fill(-(weights[i] as number)));
      this.#requireNumbers(loss, slopes);
      const norm = await this.#descend(model, { sequences, logProbs, slopes }, learningRate, signal);
      return { loss, gradientNorm: norm, kl: 0, clipFraction: 0, tokens, version: this.#version };
    });
  }

  /** Writes where the server keeps the adapter, from where `visplay export-model` downloads it. */
  save(folder: string): Promise<void> {
    return this.#inTurn(async () => {
      const model = await this.#modelOf("policy");
      const name = this.#nextName("model");
      const path = await model.save(name);
      await this.#write(folder, { path, hasOptimizer: false, adapter: await model.saveAdapter(name) });
    });
  }

  saveState(folder: string): Promise<void> {
    return this.#inTurn(async () => {
      const path = await (await this.#modelOf("policy")).save(this.#nextName("state"));
      await this.#write(folder, { path, hasOptimizer: true, adapter: null });
    });
  }

  loadState(folder: string): Promise<void> {
    return this.#inTurn(async () => {
      const { path, baseModel, steps, hasOptimizer, url } = await readEngineState(folder);
      const { client } = this.#session;
      if (baseModel !== this.#options.baseModel || url !== client.address.url)
        throw new VisplayError(
          "model",
          `${folder} is of ${baseModel} at ${url}; expected ${this.#options.baseModel} at ${client.address.url}: set engine.url and the model as they were`,
        );
      await this.#forget("policy");
      this.#starts.policy = { path, hasOptimizer };
      this.#version = steps;
      this.#broken = null;
      await this.#modelOf("policy");
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last.catch(() => {});
    await this.#forget("policy");
    await this.#forget("reference");
  }

  /** Lets go of a model as it is; a server that does not hear it forgets the model by itself. */
  async #forget(weights: WeightSet): Promise<void> {
    const model = await this.#models[weights]?.catch(() => null);
    this.#models[weights] = null;
    this.#samplers[weights] = null;
    await model?.unload().catch(() => {});
  }

  #write(
    folder: string,
    saved: { readonly path: string; readonly hasOptimizer: boolean; readonly adapter: string | null },
  ): Promise<void> {
    const { baseModel, lora } = this.#options;
    const { url } = this.#session.client.address;
    return writeEngineState(folder, {
      version: 1,
      url,
      ...saved,
      baseModel,
      rank: lora.rank,
      steps: this.#version,
    });
  }

  /** A name for weights on the server that no other has. */
  #nextName(kind: string): string {
    return `${this.#options.name}-${kind}-${this.#version}-${this.#session.id.slice(-8)}-${this.#saves++}`;
  }

  #modelOf(weights: WeightSet, signal?: AbortSignal): Promise<RemoteModel> {
    const model = this.#models[weights] ?? this.#open(this.#starts[weights], signal);
    this.#models[weights] = model;
    model.catch(() => {
      this.#models[weights] = null;
    });
    return model;
  }

  async #open(start: ModelStart, signal?: AbortSignal): Promise<RemoteModel> {
    const { baseModel, lora } = this.#options;
    const model = await RemoteModel.create(this.#session, baseModel, lora, signal);
    if (start) await model.load(start.path, start.hasOptimizer, signal);
    return model;
  }

  /** The sampler of the weights as all that was asked before has left them. */
  #samplerOf(weights: WeightSet, signal?: AbortSignal): Promise<Sampler> {
    return this.#inTurn(() => {
      const known = this.#samplers[weights];
      if (known) return known;
      const opened = this.#modelOf(weights, signal).then(
        async (model) => new Sampler(this.#session.client, await model.publish()),
      );
      this.#samplers[weights] = opened;
      opened.catch(() => {
        this.#samplers[weights] = null;
      });
      return opened;
    });
  }

  /** What changes the model, or asks it, is done one after the other. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.catch(() => {}).then(work);
    this.#last = done.catch(() => {});
    return done;
  }

  #encode(groups: readonly PromptCompletions[]): Promise<TokenSequence[][]> {
    return Promise.all(
      groups.map(({ prompt, completions }) => this.#encoder.continuations(prompt, completions)),
    );
  }

  /** Log-probabilities of what was sampled, [sequences][T]; 0 for what holds an image token, which a server would take for an image. */
  async #forward(
    model: RemoteModel,
    sequences: readonly TokenSequence[],
    signal?: AbortSignal,
  ): Promise<Float32Array[]> {
    const asked = sequences.filter((sequence) => !this.#holdsImage(sequence));
    const data = asked.map((sequence) => {
      return datumOf(sequence, { weights: new Float32Array(sequence.sampled.length).fill(1) });
    });
    const given = await model.forward(data, signal);
    const scores = new Map(zip(asked, given));
    return sequences.map((sequence) => {
      const scored = scores.get(sequence);
      return scored ? sampledLogProbs(sequence, scored) : new Float32Array(sequence.sampled.length);
    });
  }

  #holdsImage({ ids, sampled }: TokenSequence): boolean {
    const { imageTokenId } = this.#tools.model.config;
    return sampled.some((place) => ids[place] === imageTokenId);
  }

  /**
   * One step down the slopes of a loss; gives the gradient's norm, NaN where the server does not tell. Each token's ratio to
   * the pass before is 1, so that the gradient of Σ -r A is that of the loss where A is the negative slope.
   */
  async #descend(
    model: RemoteModel,
    { sequences, logProbs, slopes }: Descent,
    learningRate: number,
    signal?: AbortSignal,
  ): Promise<number> {
    if (this.#broken)
      throw new VisplayError("engine", "an update broke off on the engine; go on from the last checkpoint", {
        cause: this.#broken,
      });
    const { beta1, beta2, epsilon, weightDecay, maxGradientNorm } = this.#options.optimizer;
    const all = sequences
      .map((sequence, i) => ({
        sequence,
        own: logProbs[i] as Float32Array,
        slope: slopes[i] as Float32Array,
      }))
      .filter(({ sequence }) => !this.#holdsImage(sequence));
    // Where nothing moves the step is taken all the same: the optimiser's moments do.
    const moving = all.filter(({ slope }) => slope.some((value) => value !== 0));
    const moved = moving.length > 0 ? moving : all;
    if (moved.length === 0)
      throw new RangeError("an optimiser step needs gradients: there was nothing to learn from");
    signal?.throwIfAborted();
    try {
      const data = moved.map(({ sequence, own, slope }) => {
        const { length } = sequence.sampled;
        const scale = this.#options.reduction === "sum" ? 1 : length * moved.length;
        const advantages = slope.map((value) => -value * scale);
        return datumOf(sequence, { weights: new Float32Array(length).fill(1), logprobs: own, advantages });
      });
      await model.differentiate(data, "importance_sampling", signal);
      // From here on to its end: what was asked for is done.
      const norm = await model.step({
        learningRate,
        beta1,
        beta2,
        epsilon,
        weightDecay,
        gradientClipNorm: maxGradientNorm ?? 0,
      });
      this.#version++;
      this.#samplers.policy = null;
      return norm;
    } catch (error) {
      this.#broken = error;
      throw error;
    }
  }

  #requireNumbers(loss: number, slopes: readonly Float32Array[]): void {
    if (Number.isFinite(loss) && slopes.every((own) => own.every(Number.isFinite))) return;
    throw new VisplayError(
      "numeric",
      `optimiser step ${this.#version + 1}: the loss is ${loss}; expected a finite number. The weights are unchanged; lower the learning rate`,
    );
  }
}

/** Where a model begins: at a path of the server's, or as a new adapter. */
export type ModelStart = { readonly path: string; readonly hasOptimizer: boolean } | null;

function completionsOf({ prompt, rollouts }: TrainingGroup): PromptCompletions {
  return { prompt, completions: rollouts.map(({ completion }) => completion) };
}

/** Servers score under the model as it is. */
function requireTemperature(temperature: number): void {
  if (temperature === 1) return;
  throw new VisplayError(
    "config",
    `temperature: found ${temperature}, expected 1, for an engine scores at no other; set that of what is trained to 1`,
  );
}
