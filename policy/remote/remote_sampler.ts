import type { EngineClient } from "./client.ts";
import { EngineRefusal, lostModel } from "./failures.ts";
import { FinishedRequests, futureResult, LostFuture } from "./futures.ts";
import { FutureSchema, SampleSchema, sampleBody } from "./json.ts";
import type { SampleRequest, SampleResult } from "./messages.ts";
import { decodeSampleResult } from "./protobuf.ts";

const form = { schema: SampleSchema, decode: decodeSampleResult };

/** How often a request is sent that the server has forgotten: the same seed gives the same samples. */
const tries = 3;

/** Samples from weights as they were when they were made ready for that. */
export class Sampler {
  readonly #client: EngineClient;
  readonly #session: string;
  readonly #finished: FinishedRequests;
  #sequence = 0;

  constructor(client: EngineClient, samplingSession: string) {
    this.#client = client;
    this.#session = samplingSession;
    this.#finished = new FinishedRequests(client, samplingSession);
  }

  /** Throws "engine" where the server has the weights no more. */
  async sample(
    request: Omit<SampleRequest, "samplingSession" | "sequence">,
    signal?: AbortSignal,
  ): Promise<SampleResult> {
    for (let left = tries; ; left--) {
      try {
        return await this.#once(request, signal);
      } catch (error) {
        const isGone = error instanceof EngineRefusal && error.status === 404;
        if (error instanceof LostFuture && left > 1) continue;
        if (isGone || error instanceof LostFuture)
          throw lostModel(this.#client.address, "the weights that it is to sample from", error);
        throw error;
      }
    }
  }

  async #once(
    request: Omit<SampleRequest, "samplingSession" | "sequence">,
    signal?: AbortSignal,
  ): Promise<SampleResult> {
    const numbered = { ...request, samplingSession: this.#session, sequence: this.#sequence++ };
    const { request_id } = await this.#client.post("asample", sampleBody(numbered), FutureSchema, signal);
    await this.#finished.wait(request_id, signal);
    const result = await futureResult(this.#client, request_id, form, signal);
    this.#finished.fetched(request_id);
    return result;
  }
}
