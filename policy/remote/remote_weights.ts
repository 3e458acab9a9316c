import type { WeightSet } from "../port.ts";
import type { LoraConfig } from "./json.ts";
import { RemoteModel } from "./remote_model.ts";
import { Sampler } from "./remote_sampler.ts";
import type { EngineSession } from "./session.ts";

/** Where a model begins: at a path of the server's, or as a new adapter. */
export type ModelStart = { readonly path: string; readonly hasOptimizer: boolean } | null;

/** The weights of a policy on a server, and those that it began with; each is made when it is first asked for. */
export class RemoteWeights {
  readonly #session: EngineSession;
  readonly #baseModel: string;
  readonly #lora: LoraConfig;
  readonly #starts: Record<WeightSet, ModelStart>;
  readonly #models: Record<WeightSet, Promise<RemoteModel> | null> = { policy: null, reference: null };
  readonly #samplers: Record<WeightSet, Promise<Sampler> | null> = { policy: null, reference: null };

  constructor(session: EngineSession, baseModel: string, lora: LoraConfig, start: ModelStart) {
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

  async #open(start: ModelStart, signal?: AbortSignal): Promise<RemoteModel> {
    const model = await RemoteModel.create(this.#session, this.#baseModel, this.#lora, signal);
    if (start) await model.load(start.path, start.hasOptimizer, signal);
    return model;
  }
}
