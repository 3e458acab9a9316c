import { VisplayError } from "../../common/errors.ts";
import { RandomStream } from "../../common/random.ts";
import { imageOf, type RgbImage } from "../../images/image.ts";
import { promptAbout } from "../prompts.ts";
import type { EngineClient } from "./client.ts";
import { meanGap } from "./descent.ts";
import { EngineRefusal } from "./failures.ts";
import type { LoraConfig } from "./json.ts";
import type { AdamParams, Datum } from "./messages.ts";
import { RemoteModel } from "./remote_model.ts";
import { Sampler } from "./remote_sampler.ts";
import { deleteSaved } from "./saved_weights.ts";
import {
  chunksOf,
  datumOf,
  SequenceEncoder,
  type SequenceTools,
  sampledLogProbs,
  type TokenSequence,
} from "./sequences.ts";
import { EngineSession, serverModels } from "./session.ts";

/** What is asked of a server, and for what model. */
export interface CheckOptions {
  readonly baseModel: string;
  readonly lora: LoraConfig;
}

/** Parameters of AdamW that a server may apply or ignore. */
export const optimizerParameters = ["beta1", "beta2", "epsilon", "weightDecay", "gradientClipNorm"] as const;
export type OptimizerParameter = (typeof optimizerParameters)[number];

/** What a server can, as far as it was seen to. */
export interface EngineReport {
  /** Those that it says it has; none where it does not say. */
  readonly models: readonly string[];
  /** Whether passes are asked for in protobuf; else they are in JSON. */
  readonly isProtobuf: boolean;
  /** Why images do not reach the model in sampling and in training; null where they do. */
  readonly imagesLost: string | null;
  /** Mean difference of what is sampled and what is scored, per token (natural log). */
  readonly gap: number;
  /** Whether a request that comes twice is carried out once. */
  readonly isIdempotent: boolean;
  /** Whether two adapters fit at once. */
  readonly holdsTwoAdapters: boolean;
  /** What a loss is; null where the server does not tell enough to know. */
  readonly reduction: "sum" | "mean" | null;
  /** Which of AdamW's parameters change what a step does. */
  readonly applies: Readonly<Record<OptimizerParameter, boolean>>;
  /** Whether weights that were saved are there again once they are loaded. */
  readonly resumes: boolean;
  /** From a request to its result. */
  readonly latencyMs: number;
  /** Of sampling, one request at a time. */
  readonly tokensPerSecond: number;
}

const question = "What is this?";
const tokens = 16;
const learningRate = 1e-2;
const usual: AdamParams = {
  learningRate,
  beta1: 0.9,
  beta2: 0.95,
  epsilon: 1e-8,
  weightDecay: 0,
  gradientClipNorm: 0,
};
/** Such that two steps come out otherwise if they are applied. */
const unusual: Readonly<Record<OptimizerParameter, number>> = {
  beta1: 0,
  beta2: 0.5,
  epsilon: 1e3,
  weightDecay: 0.5 / learningRate,
  gradientClipNorm: 1e-9,
};

/**
 * Finds out what a server can by trying, with a model of its own that is forgotten afterwards. Throws "engine" where it cannot
 * be asked at all: it is not there, has no such model, or refuses the adapter.
 */
export async function checkEngine(
  client: EngineClient,
  tools: SequenceTools,
  options: CheckOptions,
  signal?: AbortSignal,
): Promise<EngineReport> {
  const models = (await serverModels(client, signal)).supported_models.flatMap(
    ({ model_name }) => model_name ?? [],
  );
  requireModel(client, models, options.baseModel);
  await using session = await EngineSession.open(client, "visplay-check", signal);
  return new EngineCheck(session, tools, options, signal).report(models);
}

/** One check of a server. */
class EngineCheck {
  readonly #session: EngineSession;
  readonly #encoder: SequenceEncoder;
  readonly #tools: SequenceTools;
  readonly #options: CheckOptions;
  readonly #signal: AbortSignal | undefined;

  constructor(session: EngineSession, tools: SequenceTools, options: CheckOptions, signal?: AbortSignal) {
    this.#session = session;
    this.#encoder = new SequenceEncoder(tools);
    this.#tools = tools;
    this.#options = options;
    this.#signal = signal;
  }

  async report(models: readonly string[]): Promise<EngineReport> {
    const [red, blue] = await Promise.all(
      [1, 2].map((seed) => this.#encoder.prompt(promptAbout(picture(seed), question))),
    );
    const pictures = { red: red as TokenSequence, blue: blue as TokenSequence };
    const text = await this.#encoder.prompt({ turns: [{ role: "user", parts: [question] }] });
    const { timing } = this.#session.client;
    const model = await this.#create();
    try {
      const sampler = new Sampler(this.#session.client, await model.publish());
      const imagesLost = await this.#imagesLost(model, sampler, pictures);
      const prompt = imagesLost === null ? pictures.red : text;
      const startedMs = timing.now();
      const sampled = await this.#sample(sampler, prompt);
      const sampledMs = timing.now() - startedMs;
      const spoken = continued(prompt, sampled.tokens);
      const [scored] = await model.forward([scoredDatum(spoken)], this.#signal);
      const own = sampledLogProbs(spoken, scored as Float32Array);
      const scoredMs = timing.now() - startedMs - sampledMs;
      const gap = meanGap(own, sampled.logProbs);
      const isIdempotent = await model.carriesOutOnce([scoredDatum(spoken)], this.#signal);
      const holdsTwoAdapters = await this.#holdsAnother();
      const reduction = await this.#reduction(model, spoken, own);
      const resumes = await this.#resumes(model, spoken, holdsTwoAdapters);
      if (holdsTwoAdapters) await model.unload();
      return {
        ...{ models, imagesLost, gap, isIdempotent, holdsTwoAdapters, reduction, resumes },
        isProtobuf: this.#session.wire.isProtobuf ?? false,
        applies: await this.#applied(spoken),
        latencyMs: scoredMs,
        tokensPerSecond: (sampled.tokens.length / Math.max(1, sampledMs)) * 1000,
      };
    } finally {
      await model.unload().catch(() => {});
    }
  }

  async #create(): Promise<RemoteModel> {
    const { baseModel, lora } = this.#options;
    try {
      return await RemoteModel.create(this.#session, baseModel, lora, this.#signal);
    } catch (cause) {
      if (!(cause instanceof EngineRefusal)) throw cause;
      const remedy = "another adapter.rank, or engine.baseModel by the name that the engine has for it";
      throw new VisplayError(
        "engine",
        `${cause.message}; expected an adapter of rank ${lora.rank} beside ${baseModel}: choose ${remedy}`,
        { cause },
      );
    }
  }

  async #sample(sampler: Sampler, prompt: TokenSequence) {
    const { eosTokenIds, imageTokenId } = this.#tools.model.config;
    const request = {
      prompt: chunksOf(prompt, prompt.ids.length),
      samples: 1,
      maxTokens: tokens,
      topK: -1,
      topP: 1,
      promptLogProbs: false,
    };
    const options = { temperature: 1, seed: 7, stop: eosTokenIds };
    const { sequences } = await sampler.sample({ ...request, ...options }, this.#signal);
    const [{ tokens: said, logProbs } = { tokens: new Int32Array(), logProbs: new Float32Array() }] =
      sequences;
    // What stands for an image is never sent as text.
    const image = said.indexOf(imageTokenId);
    const end = image < 0 ? said.length : Math.max(1, image);
    return { tokens: said.slice(0, end), logProbs: logProbs.slice(0, end) };
  }

  /**
   * Images reach the model if what is said of one can be scored, if a wrong number of tokens is refused, and if another picture
   * makes a difference.
   */
  async #imagesLost(
    model: RemoteModel,
    sampler: Sampler,
    { red, blue }: { readonly red: TokenSequence; readonly blue: TokenSequence },
  ): Promise<string | null> {
    const { tokens: said } = await this.#sample(sampler, red);
    const score = async (prompt: TokenSequence): Promise<Float32Array> => {
      const spoken = continued(prompt, said);
      const [scored] = await model.forward([scoredDatum(spoken)], this.#signal);
      return sampledLogProbs(spoken, scored as Float32Array);
    };
    let own: Float32Array;
    try {
      own = await score(red);
    } catch (error) {
      if (!(error instanceof EngineRefusal)) throw error;
      return `in training: what is said of a picture is refused: ${error.detail}`;
    }
    const longer = scoredDatum(withLongerImage(continued(red, said)));
    if (!(await this.#isRefused(() => model.forward([longer], this.#signal))))
      return "in training: a wrong number of image tokens was not refused";
    if (!(await this.#isRefused(() => this.#sample(sampler, withLongerImage(red)))))
      return "in sampling: a wrong number of image tokens was not refused";
    if (meanGap(await score(blue), own) === 0)
      return "in training: two pictures make no difference to what is said of them";
    return null;
  }

  async #isRefused(request: () => Promise<unknown>): Promise<boolean> {
    try {
      await request();
      return false;
    } catch (error) {
      if (error instanceof EngineRefusal) return true;
      throw error;
    }
  }

  async #holdsAnother(): Promise<boolean> {
    try {
      await (await this.#create()).unload();
      return true;
    } catch (error) {
      if (error instanceof VisplayError && error.code === "engine") return false;
      throw error;
    }
  }

  /** A loss that is a sum has twice the gradient of data that are there twice. */
  async #reduction(
    model: RemoteModel,
    spoken: TokenSequence,
    own: Float32Array,
  ): Promise<"sum" | "mean" | null> {
    const datum = pushedDatum(spoken, own);
    const norms: number[] = [];
    for (const data of [[datum], [datum, datum]]) {
      await model.differentiate(data, "importance_sampling", this.#signal);
      norms.push(await model.step({ ...usual, learningRate: 0 }));
    }
    const [once = Number.NaN, twice = Number.NaN] = norms;
    const ratio = twice / once;
    if (Math.abs(ratio - 2) < 0.2) return "sum";
    return Math.abs(ratio - 1) < 0.2 ? "mean" : null;
  }

  async #resumes(model: RemoteModel, spoken: TokenSequence, holdsTwo: boolean): Promise<boolean> {
    const data = [scoredDatum(spoken)];
    const path = await model.save(`visplay-check-${this.#session.id.slice(-8)}`);
    const [before] = await model.forward(data, this.#signal);
    if (!holdsTwo) await model.unload();
    try {
      const other = await this.#create();
      await other.load(path, true, this.#signal);
      const [after] = await other.forward(data, this.#signal);
      await other.unload();
      return meanGap(before as Float32Array, after as Float32Array) < sameGap;
    } catch (error) {
      if (error instanceof VisplayError && error.code === "engine") return false;
      throw error;
    } finally {
      await deleteSaved(this.#session.client, path);
    }
  }

  /** Which parameters change what two steps come to, by more than two runs of the same differ. */
  async #applied(spoken: TokenSequence): Promise<EngineReport["applies"]> {
    const plain = await this.#trained(spoken, usual);
    const noise = meanGap(plain, await this.#trained(spoken, usual));
    const applies: Partial<Record<OptimizerParameter, boolean>> = {};
    for (const name of optimizerParameters) {
      const other = await this.#trained(spoken, { ...usual, [name]: unusual[name] });
      applies[name] = meanGap(plain, other) > 10 * noise + 1e-6;
    }
    return applies as EngineReport["applies"];
  }

  async #trained(spoken: TokenSequence, params: AdamParams): Promise<Float32Array> {
    const model = await this.#create();
    try {
      for (let step = 0; step < 2; step++) {
        const [scored] = await model.forward([scoredDatum(spoken)], this.#signal);
        const datum = pushedDatum(
          spoken,
          sampledLogProbs(spoken, scored as Float32Array),
          step === 0 ? 1 : -0.5,
        );
        await model.differentiate([datum], "importance_sampling", this.#signal);
        await model.step(params);
      }
      const [scored] = await model.forward([scoredDatum(spoken)], this.#signal);
      return scored as Float32Array;
    } finally {
      await model.unload();
    }
  }
}

/** Log-probabilities of the same weights, on machines that do not add in one order. */
const sameGap = 0.02;

/** A server that lists models has to list this one. */
function requireModel({ address }: EngineClient, models: readonly string[], wanted: string): void {
  if (models.length === 0 || models.includes(wanted)) return;
  const found = models.length > 8 ? `${models.slice(0, 8).join(", ")} …` : models.join(", ");
  throw new VisplayError(
    "engine",
    `the engine at ${address.url} has ${found}; expected ${wanted}: set engine.baseModel to one of those, and model to its folder or name on the hub`,
  );
}

/** Coloured noise, of a size that every model takes. */
function picture(seed: number): RgbImage {
  const stream = new RandomStream(seed);
  const side = 112;
  const data = Uint8Array.from({ length: side * side * 3 }, (_, i) =>
    Math.floor((i % 3 === seed % 3 ? 255 : 60) * stream.uniform()),
  );
  return imageOf(side, side, data);
}

function continued({ ids, images }: TokenSequence, said: Int32Array): TokenSequence {
  const all = new Int32Array(ids.length + said.length);
  all.set(ids);
  all.set(said, ids.length);
  return { ids: all, images, sampled: Int32Array.from(said, (_, t) => ids.length + t) };
}

function ones({ sampled }: TokenSequence): Float32Array {
  return new Float32Array(sampled.length).fill(1);
}

function scoredDatum(sequence: TokenSequence): Datum {
  return datumOf(sequence, { weights: ones(sequence) });
}

/** A datum whose tokens are to become likelier. */
function pushedDatum(sequence: TokenSequence, logprobs: Float32Array, by = 1): Datum {
  const weights = ones(sequence);
  return datumOf(sequence, { weights, logprobs, advantages: weights.map((weight) => by * weight) });
}

/** The same where its image is said to be one token longer than it is. */
function withLongerImage({ ids, images, sampled }: TokenSequence): TokenSequence {
  const [image] = images;
  const at = (image?.start ?? 0) + 1;
  return {
    ids: Int32Array.of(...ids.subarray(0, at), ids[at - 1] as number, ...ids.subarray(at)),
    images: image ? [{ ...image, length: image.length + 1 }] : [],
    sampled: sampled.map((place) => place + 1),
  };
}
