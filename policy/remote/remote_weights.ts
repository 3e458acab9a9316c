import { VisplayError } from "../../common/errors.ts";
import type { WeightSet } from "../port.ts";
import { meanGap, scoreSequences } from "./descent.ts";
import type { LoraConfig } from "./json.ts";
import { RemoteModel } from "./remote_model.ts";
import { Sampler } from "./remote_sampler.ts";
import type { TokenSequence } from "./sequences.ts";
import type { EngineSession } from "./session.ts";

/** Where a model begins: at a path of the server's, or as a new adapter. */
export type ModelStart = { readonly path: string; readonly hasOptimizer: boolean } | null;

/** How far apart the same model may be on machines that do not add in one order, per token (natural log). */
const sameBaseGap = 0.05;

/** The weights of a policy on a server, and those that it began with; each is made when it is first asked for. */
export class RemoteWeights {
  readonly #session: EngineSession;
  readonly #baseModel: string;
  readonly #lora: LoraConfig;
  readonly #starts: Record<WeightSet, ModelStart>;
  readonly #models: Record<WeightSet, Promise<RemoteModel> | null> = { policy: null, reference: null };
  readonly #samplers: Record<WeightSet, Promise<Sampler> | null> = { policy: null, reference: null };

  readonly #fixed: TokenSequence;
  #baseLogProbs: Float32Array | null = null;

  /** `fixed` is what the base is known by. */
  constructor(
    session: EngineSession,
    { baseModel, lora }: { readonly baseModel: string; readonly lora: LoraConfig },
    start: ModelStart,
    fixed: TokenSequence,
  ) {
    this.#fixed = fixed;
    this.#session = session;
    this.#baseModel = baseModel;
    this.#lora = lora;
    this.#starts = { policy: start, reference: start };
  }

  model(weights: WeightSet, signal?: AbortSignal): Promise<RemoteModel> {
    const model = this.#models[weights] ?? this.#open(this.#starts[weights], signal);
    this.#models[weights] = model;
    model.catch(() => {
      this.#models[weights] = null;
    });
    return model;
  }

  /** What samples from weights as they are now. */
  sampler(weights: WeightSet, signal?: AbortSignal): Promise<Sampler> {
    const { client } = this.#session;
    const publish = async (): Promise<Sampler> => {
      const model = await this.model(weights, signal);
      return new Sampler(client, await model.publish());
    };
    const sampler = this.#samplers[weights] ?? publish();
    this.#samplers[weights] = sampler;
    sampler.catch(() => {
      this.#samplers[weights] = null;
    });
    return sampler;
  }

  /** Notes that the policy's weights have changed. */
  changed(): void {
    this.#samplers.policy = null;
  }

  /** Goes on from somewhere else, in a new model: servers load weights into no other. */
  async goOnFrom(start: ModelStart): Promise<void> {
    await this.forget("policy");
    this.#starts.policy = start;
    await this.model("policy");
  }

  /** Lets go of weights as they are; a server that does not hear it forgets them by itself. */
  async forget(weights: WeightSet): Promise<void> {
    const model = await this.#models[weights]?.catch(() => null);
    this.#models[weights] = null;
    this.#samplers[weights] = null;
    await model?.unload().catch(() => {});
  }

  /** Log-probabilities of the fixed text under the base, as far as they are known. */
  get baseLogProbs(): Float32Array | null {
    return this.#baseLogProbs;
  }

  /** Throws "model" where the server has another base under the same name than these are of. */
  async requireBase(logProbs: Float32Array): Promise<void> {
    const model = await RemoteModel.create(this.#session, this.#baseModel, this.#lora);
    const [now = new Float32Array()] = await scoreSequences(model, [this.#fixed]);
    await model.unload();
    const gap = meanGap(now, logProbs);
    if (gap > sameBaseGap)
      throw new VisplayError(
        "model",
        `the engine at ${this.#session.client.address.url} has another model as ${this.#baseModel} than when the run began: a fixed text's log-probabilities are ${gap.toFixed(3)} apart per token, expected at most ${sameBaseGap}; have the engine serve the one of then`,
      );
    this.#baseLogProbs = now;
  }

  async #open(start: ModelStart, signal?: AbortSignal): Promise<RemoteModel> {
    const model = await RemoteModel.create(this.#session, this.#baseModel, this.#lora, signal);
    if (start) await model.load(start.path, start.hasOptimizer, signal);
    // A new adapter changes nothing yet.
    else [this.#baseLogProbs = null] = await scoreSequences(model, [this.#fixed], signal);
    return model;
  }
}
