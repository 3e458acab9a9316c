import { promisify } from "node:util";
import * as zlib from "node:zlib";
import { inParallel } from "../../common/in_parallel.ts";
import type { EngineAnswer } from "./client.ts";
import { EngineRefusal, lostModel } from "./failures.ts";
import { futureResult, LostFuture, type ResultForm } from "./futures.ts";
import {
  AnySchema,
  createModelBody,
  ForwardBackwardSchema,
  FutureSchema,
  forwardBackwardBody,
  type JsonBody,
  type LoraConfig,
  ModelSchema,
  optimStepBody,
  PublishedSchema,
  SavedSchema,
  StepSchema,
} from "./json.ts";
import type { AdamParams, Datum, ForwardBackward, ForwardBackwardResult, ServerLoss } from "./messages.ts";
import { decodeForwardBackwardResult, encodeDatum, encodeForwardBackward } from "./protobuf.ts";
import type { EngineSession } from "./session.ts";

/** What one request may hold. */
const most = { data: 1024, bytes: 5_000_000 } as const;
/** Results that are fetched at once. */
const fetchedAtOnce = 8;

const passForm: ResultForm<ForwardBackwardResult> = {
  schema: ForwardBackwardSchema,
  decode: decodeForwardBackwardResult,
};

/** Statuses by which a server may say that it does not read what it was sent as it is written. */
const unread: readonly number[] = [400, 404, 415, 422];

/**
 * A model on a server, with an adapter and an optimiser of its own. Requests about it are numbered, and a server carries
 * out each number once, so that one whose answer was lost is sent again as it was; calls must not overlap. Throws "engine"
 * where the server no longer has the model, or no longer knows what became of a request: nothing is ever done twice.
 */
export class RemoteModel {
  readonly id: string;
  readonly #session: EngineSession;
  #sequence = 0;

  private constructor(session: EngineSession, id: string) {
    this.#session = session;
    this.id = id;
  }

  /** A new adapter of a base model. */
  static async create(
    session: EngineSession,
    baseModel: string,
    lora: LoraConfig,
    signal?: AbortSignal,
  ): Promise<RemoteModel> {
    const { client, id } = session;
    const body = createModelBody(id, session.nextModel(), baseModel, lora);
    const { request_id } = await client.post("create_model", body, FutureSchema, signal);
    const { model_id } = await futureResult(client, request_id, { schema: ModelSchema }, signal);
    return new RemoteModel(session, model_id);
  }

  /** Goes on from a path of the server's, which has to be the first thing that is asked of the model. */
  async load(path: string, withOptimizer: boolean, signal?: AbortSignal): Promise<void> {
    const body = (seq_id: number): JsonBody => {
      return { model_id: this.id, seq_id, path, optimizer: withOptimizer, type: "load_weights" };
    };
    await this.#ask("load_weights", body, { schema: AnySchema }, signal);
  }

  /** The log-probability of each datum's target tokens, [data][N]. */
  async forward(data: readonly Datum[], signal?: AbortSignal): Promise<Float32Array[]> {
    const results = await this.#pass(data, "cross_entropy", true, signal);
    return results.flatMap(({ logProbs }) => logProbs);
  }

  /** The same, and the gradient of the loss's sum over all tokens is added to what the next step takes. */
  async differentiate(
    data: readonly Datum[],
    loss: ServerLoss,
    signal?: AbortSignal,
  ): Promise<Float32Array[]> {
    const results = await this.#pass(data, loss, false, signal);
    return results.flatMap(({ logProbs }) => logProbs);
  }

  /** Whether a request that comes a second time is known to be the first. */
  async carriesOutOnce(data: readonly Datum[], signal?: AbortSignal): Promise<boolean> {
    const pass: ForwardBackward = {
      modelId: this.id,
      sequence: ++this.#sequence,
      data,
      loss: "cross_entropy",
      forwardOnly: true,
    };
    const first = await this.#submit(pass, signal);
    try {
      return first === (await this.#submit(pass, signal));
    } catch (error) {
      if (error instanceof EngineRefusal && error.status === 409) return false;
      throw error;
    } finally {
      await futureResult(this.#session.client, first, passForm, signal);
    }
  }

  /** One step of the optimiser; gives the gradient's norm before clipping, NaN where the server does not tell. */
  async step(params: AdamParams): Promise<number> {
    const body = (sequence: number): JsonBody => optimStepBody(this.id, sequence, params);
    const { metrics } = await this.#ask("optim_step", body, { schema: StepSchema });
    return Object.entries(metrics).find(([key]) => /grad(ient)?_norm/.test(key))?.[1] ?? Number.NaN;
  }

  /** Saves weights and optimiser; gives the path under which the server has them. */
  async save(name: string): Promise<string> {
    const body = (seq_id: number): JsonBody => {
      return { model_id: this.id, path: name, seq_id, overwrite: true, type: "save_weights" };
    };
    return (await this.#ask("save_weights", body, { schema: SavedSchema })).path;
  }

  /** Saves the adapter alone, as it may be downloaded; gives its path. */
  async saveAdapter(name: string): Promise<string> {
    const type = "save_weights_for_sampler";
    const body = (seq_id: number): JsonBody => {
      return { model_id: this.id, path: name, kind: "snapshot", seq_id, type };
    };
    return (await this.#ask(type, body, { schema: SavedSchema })).path;
  }

  /** Makes the weights as they are now ready for sampling; gives the sampling session. */
  async publish(): Promise<string> {
    const type = "save_weights_for_sampler";
    const sampling_session_seq_id = this.#session.nextSampler();
    const body = (seq_id: number): JsonBody => {
      return { model_id: this.id, sampling_session_seq_id, kind: "snapshot", seq_id, type };
    };
    return (await this.#ask(type, body, { schema: PublishedSchema })).sampling_session_id;
  }

  /** Lets the server forget the model, where it has a route for that; it forgets by itself what nobody asks about. */
  async unload(): Promise<void> {
    const body = { model_id: this.id, type: "unload_model" };
    await this.#session.client.call({ path: "unload_model", body, answers: [404, 405] });
  }

  /** A pass through the model, in as many requests as it takes; each is acknowledged before the next is sent. */
  async #pass(
    data: readonly Datum[],
    loss: ServerLoss,
    forwardOnly: boolean,
    signal?: AbortSignal,
  ): Promise<ForwardBackwardResult[]> {
    return this.#follow(async () => {
      const futures: string[] = [];
      for (const some of split(data)) {
        const sequence = ++this.#sequence;
        futures.push(
          await this.#submit({ modelId: this.id, sequence, data: some, loss, forwardOnly }, signal),
        );
      }
      const { client } = this.#session;
      return inParallel(futures, fetchedAtOnce, (future) => futureResult(client, future, passForm, signal));
    });
  }

  /** Sends a pass in protobuf or, where the server reads none, in JSON. */
  async #submit(pass: ForwardBackward, signal?: AbortSignal): Promise<string> {
    const { client, wire } = this.#session;
    const read = (answer: EngineAnswer): string =>
      client.read(answer, "forward_backward", FutureSchema).request_id;
    if (wire.isProtobuf !== false) {
      try {
        const body = encodeForwardBackward(pass);
        const compressed = wire.compresses ? await compress?.(body) : undefined;
        const request = {
          path: "forward_backward",
          body: compressed ?? body,
          isCompressed: compressed !== undefined,
        };
        const future = read(await client.call(request, signal));
        wire.isProtobuf = true;
        return future;
      } catch (error) {
        if (wire.isProtobuf || !(error instanceof EngineRefusal && unread.includes(error.status)))
          throw error;
      }
    }
    const path = pass.forwardOnly ? "forward" : "forward_backward";
    const future = read(await client.call({ path, body: forwardBackwardBody(pass) }, signal));
    wire.isProtobuf = false;
    return future;
  }

  #ask<T>(
    path: string,
    body: (sequence: number) => JsonBody,
    form: ResultForm<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    return this.#follow(async () => {
      const { client } = this.#session;
      const { request_id } = await client.post(path, body(++this.#sequence), FutureSchema, signal);
      return futureResult(client, request_id, form, signal);
    });
  }

  /** Says what it means where the server knows the model, or a request about it, no more. */
  async #follow<T>(work: () => Promise<T>): Promise<T> {
    const { client } = this.#session;
    try {
      return await work();
    } catch (error) {
      const isRefusal = error instanceof EngineRefusal;
      if (error instanceof LostFuture || (isRefusal && error.status === 409))
        throw lostModel(client.address, "what became of a request about the model", error);
      if (isRefusal && error.status === 404) throw lostModel(client.address, "the model", error);
      throw error;
    }
  }
}

/** Node has zstd from 22.15 on; without it requests are sent as they are. */
const { zstdCompress } = zlib as { zstdCompress?: (bytes: Uint8Array, done: ZstdDone) => void };
type ZstdDone = (error: Error | null, compressed: Uint8Array) => void;
const compress = zstdCompress && promisify(zstdCompress);

/** Data in requests that are not too large. */
function* split(data: readonly Datum[]): Generator<Datum[]> {
  let some: Datum[] = [];
  let bytes = 0;
  for (const datum of data) {
    const size = encodeDatum(datum).length;
    if (some.length === most.data || (some.length > 0 && bytes + size > most.bytes)) {
      yield some;
      [some, bytes] = [[], 0];
    }
    some.push(datum);
    bytes += size;
  }
  if (some.length > 0) yield some;
}
