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
import { gapFigures } from "../sampler_gap.ts";
import { writeToken } from "../token_tape.ts";
import { tokenWeights } from "../token_weights.ts";
import { adapterParameters } from "./adapter_size.ts";
import { cutAtText } from "./cut.ts";
import { addGradient, type Reduction, type Slope, scoreSequences, stepParams } from "./descent.ts";
import { type EngineState, readEngineState, writeEngineState } from "./engine_state.ts";
import type { LoraConfig } from "./json.ts";
import { crossEntropy, grpoObjective, type ScoredRollout } from "./objective.ts";
import type { RemoteModel } from "./remote_model.ts";
import { type ModelStart, RemoteWeights } from "./remote_weights.ts";
import { deleteSaved } from "./saved_weights.ts";
import { chunksOf, SequenceEncoder, type SequenceTools, type TokenSequence } from "./sequences.ts";
import type { EngineSession } from "./session.ts";

export interface TinkerPolicyOptions {
  /** Names the policy's weights on the server. */
  readonly name: string;
  /** The base by the server's name. */
  readonly baseModel: string;
  readonly lora: LoraConfig;
  readonly optimizer: OptimizerOptions;
  /** Requests for samples that are under way at once. */
  readonly window: number;
  readonly reduction: Reduction;
}

/** What a loss comes to, and how it changes with each log-probability, [sequences][T]. */
interface Learnt extends Pick<UpdateReport, "loss" | "kl" | "clipFraction" | "gap"> {
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
  readonly #weights: RemoteWeights;
  #version = 0;
  /** Paths of states on the server that this policy has saved; those of others may be what others go on from. */
  readonly #states = new Set<string>();
  #saves = 0;
  /** The last thing to be done of what asks the models. */
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
    this.#weights = new RemoteWeights(session, options, start, fixedText(tools));
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
    const opened = this.#inTurn(() => this.#weights.sampler(weights, signal), signal);
    // Whichever fails first is told.
    opened.catch(() => {});
    const sequences = await Promise.all(prompts.map((prompt) => this.#encoder.prompt(prompt)));
    const sampler = await opened;
    const { tokenizer, model } = this.#tools;
    const { tape, stopTexts = [], groupSize, temperature, topK, topP, seed } = options;
    return this.#cancellable(signal, () =>
      inParallel(sequences, this.#options.window, async (sequence, p) => {
        const { length } = sequence.ids;
        const request = {
          prompt: chunksOf(sequence, length),
          samples: groupSize,
          maxTokens: Math.min(options.maxTokens, model.config.text.maxPositions - length),
          temperature,
          topK: topK === 0 ? -1 : topK,
          topP,
          // Servers take it as a signed number of 32 bits.
          seed: deriveSeed(seed, p) | 0,
          stop: options.ignoreEos ? [] : model.config.eosTokenIds,
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
      }),
    );
  }

  async score(
    groups: readonly PromptCompletions[],
    { weights, temperature }: { readonly weights: WeightSet; readonly temperature: number },
    signal?: AbortSignal,
  ): Promise<Float32Array[][]> {
    requireTemperature(temperature);
    const encoded = await this.#encode(groups);
    return this.#inTurn(async () => {
      const scores = await this.#score(await this.#weights.model(weights, signal), encoded.flat(), signal);
      const starts = encoded.map((_, i) => encoded.slice(0, i).reduce((sum, { length }) => sum + length, 0));
      return zip(encoded, starts).map(([{ length }, start]) => scores.slice(start, start + length));
    }, signal);
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
    const objective = (logProbs: readonly Float32Array[]) => {
      const scored = rollouts.map(({ completion, ...rollout }, i): ScoredRollout => {
        const weight = lengths[i] === 0 ? 0 : (weights[i] as number);
        return {
          ...rollout,
          logProbs: logProbs[i] as Float32Array,
          oldLogProbs: completion.logProbs,
          weight,
        };
      });
      const { kl, clipped, gap, ...rest } = grpoObjective(scored, options);
      const count = Math.max(1, tokens);
      const report = { ...rest, kl: kl / count, clipFraction: clipped / count };
      return gap ? { ...report, gap: gapFigures(gap, tokens) } : report;
    };
    return this.#learn(sequences, objective, options.learningRate, tokens, signal);
  }

  async supervise(
    examples: readonly Example[],
    { learningRate }: { readonly learningRate: number },
    signal?: AbortSignal,
  ): Promise<UpdateReport> {
    const { tokenizer, model } = this.#tools;
    const [end] = model.config.eosTokenIds;
    const wanted = examples.map(({ prompt, completion }) => {
      const isText = typeof completion === "string";
      const tokens = isText ? Int32Array.of(...tokenizer.encode(completion), end as number) : completion;
      return { prompt, completions: [{ tokens }] };
    });
    const sequences = (await this.#encode(wanted)).flat();
    const counted = zip(examples, sequences).map(([{ weight = 1 }, { sampled }]) => weight * sampled.length);
    const tokens = counted.reduce((sum, count) => sum + count, 0);
    const weights = examples.map(({ weight = 1 }) => weight / tokens);
    const objective = (logProbs: readonly Float32Array[]) => ({
      loss: crossEntropy(logProbs, weights),
      slopes: zip(logProbs, weights).map(([{ length }, weight]) => new Float32Array(length).fill(-weight)),
      kl: 0,
      clipFraction: 0,
    });
    return this.#learn(sequences, objective, learningRate, tokens, signal);
  }

  /** Writes where the server keeps the adapter, from where `visplay export-model` downloads it. */
  save(folder: string): Promise<void> {
    return this.#inTurn(async () => {
      const model = await this.#weights.model("policy");
      const name = this.#nextName("model");
      const path = await model.save(name);
      await this.#write(folder, { path, hasOptimizer: false, adapter: await model.saveAdapter(name) });
    });
  }

  saveState(folder: string): Promise<void> {
    return this.#inTurn(async () => {
      const path = await (await this.#weights.model("policy")).save(this.#nextName("state"));
      this.#states.add(path);
      await this.#write(folder, { path, hasOptimizer: true, adapter: null });
    });
  }

  loadState(folder: string): Promise<void> {
    return this.#inTurn(async () => {
      const { path, baseModel, steps, hasOptimizer, url, baseLogProbs } = await readEngineState(folder);
      const { address } = this.#session.client;
      if (baseModel !== this.#options.baseModel || url !== address.url)
        throw new VisplayError(
          "model",
          `${folder} is of ${baseModel} at ${url}; expected ${this.#options.baseModel} at ${address.url}: set engine.url and the model as they were`,
        );
      await this.#weights.forget("policy");
      if (baseLogProbs) await this.#weights.requireBase(Float32Array.from(baseLogProbs));
      await this.#weights.goOnFrom({ path, hasOptimizer });
      this.#version = steps;
      this.#broken = null;
    });
  }

  keepStates(folders: readonly string[]): Promise<void> {
    return this.#inTurn(async () => {
      const states = await Promise.all(folders.map((folder) => readEngineState(folder).catch(() => null)));
      const kept = new Set(states.flatMap((state) => state?.path ?? []));
      for (const path of [...this.#states].filter((each) => !kept.has(each))) {
        await deleteSaved(this.#session.client, path);
        this.#states.delete(path);
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
    await this.#weights.forget("policy");
    await this.#weights.forget("reference");
    await this.#session[Symbol.asyncDispose]();
  }

  #write(folder: string, saved: Pick<EngineState, "path" | "hasOptimizer" | "adapter">): Promise<void> {
    const { baseModel, lora } = this.#options;
    const { url } = this.#session.client.address;
    const known = this.#weights.baseLogProbs;
    const base = { baseModel, baseLogProbs: known && [...known], rank: lora.rank };
    return writeEngineState(folder, { version: 1, url, ...saved, ...base, steps: this.#version });
  }

  /** A name for weights on the server that no other has. */
  #nextName(kind: string): string {
    return `${this.#options.name}-${kind}-${this.#version}-${this.#session.id.slice(-8)}-${this.#saves++}`;
  }

  /** What asks the models is done one after the other. */
  #inTurn<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const done = this.#last.then(() => this.#cancellable(signal, work));
    this.#last = done.catch(() => {});
    return done;
  }

  async #cancellable<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      if (!signal?.aborted) throw cause;
      throw new VisplayError("cancelled", "the call was cancelled", { cause });
    }
  }

  #encode(groups: readonly PromptCompletions[]): Promise<TokenSequence[][]> {
    return Promise.all(
      groups.map(({ prompt, completions }) => this.#encoder.continuations(prompt, completions)),
    );
  }

  /** As `scoreSequences`; zeros for what says an image token, which a server would take for an image. */
  async #score(
    model: RemoteModel,
    sequences: readonly TokenSequence[],
    signal?: AbortSignal,
  ): Promise<Float32Array[]> {
    const asked = sequences.filter((sequence) => !this.#holdsImage(sequence));
    const scores = new Map(zip(asked, await scoreSequences(model, asked, signal)));
    return sequences.map((sequence) => scores.get(sequence) ?? new Float32Array(sequence.sampled.length));
  }

  #holdsImage({ ids, sampled }: TokenSequence): boolean {
    const { imageTokenId } = this.#tools.model.config;
    return sampled.some((place) => ids[place] === imageTokenId);
  }

  /** One step down an objective of what was sampled. */
  #learn(
    sequences: readonly TokenSequence[],
    objectiveOf: (logProbs: readonly Float32Array[]) => Learnt,
    learningRate: number,
    tokens: number,
    signal?: AbortSignal,
  ): Promise<UpdateReport> {
    return this.#inTurn(async () => {
      this.#requireWhole();
      const model = await this.#weights.model("policy", signal);
      const logProbs = await this.#score(model, sequences, signal);
      const { slopes, ...report } = objectiveOf(logProbs);
      this.#requireNumbers(report.loss, slopes);
      const all = sequences
        .map((sequence, i): Slope => {
          return { sequence, logProbs: logProbs[i] as Float32Array, slope: slopes[i] as Float32Array };
        })
        .filter(({ sequence }) => !this.#holdsImage(sequence));
      signal?.throwIfAborted();
      try {
        await addGradient(model, all, this.#options.reduction, signal);
        // From here on to its end: what is asked for now is done.
        const gradientNorm = await model.step(stepParams(this.#options.optimizer, learningRate));
        this.#version++;
        this.#weights.changed();
        return { ...report, gradientNorm, tokens, version: this.#version };
      } catch (error) {
        this.#broken = error;
        throw error;
      }
    }, signal);
  }

  #requireWhole(): void {
    if (this.#broken === null) return;
    const message = "an update broke off on the engine; go on from the last checkpoint with `visplay resume`";
    throw new VisplayError("engine", message, { cause: this.#broken });
  }

  #requireNumbers(loss: number, slopes: readonly Float32Array[]): void {
    if (Number.isFinite(loss) && slopes.every((own) => own.every(Number.isFinite))) return;
    throw new VisplayError(
      "numeric",
      `optimiser step ${this.#version + 1}: the loss is ${loss}; expected a finite number. The weights are unchanged; lower the learning rate`,
    );
  }
}

/** What a base is known by: a text that is read, and a longer one that is scored. */
function fixedText({ tokenizer }: SequenceTools): TokenSequence {
  const ids = tokenizer.encode("How many circles are there? There are two red circles, and one blue square.");
  return { ids, images: [], sampled: Int32Array.from({ length: ids.length - 1 }, (_, t) => t + 1) };
}

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
