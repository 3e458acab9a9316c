import * as z from "zod";
import type { EngineClient } from "./client.ts";
import { EngineRefusal } from "./failures.ts";

/** How a result is read. */
export interface ResultForm<T> {
  readonly schema: z.ZodType<T>;
  /** Of what may come in protobuf. */
  readonly decode?: (bytes: Uint8Array) => T;
}

/** A request of which the server knows nothing any more. */
export class LostFuture extends Error {}

/** What an unfinished or failed request answers in place of its result. */
const Unfinished = z.union([
  z.object({ type: z.literal("try_again") }),
  z.object({ error: z.string(), category: z.string() }),
]);

/** Between two polls that are answered at once. */
const pollMs = 100;
const [gone, timedOut, expired] = [404, 408, 410];

/**
 * The result of a request, polled until it is there. Throws `LostFuture` where the server does not know the request,
 * and an `EngineRefusal` where it failed.
 */
export async function futureResult<T>(
  client: EngineClient,
  requestId: string,
  { schema, decode }: ResultForm<T>,
  signal?: AbortSignal,
): Promise<T> {
  const path = "retrieve_future";
  const body = { request_id: requestId, allow_metadata_only: false };
  for (;;) {
    const answers = [gone, timedOut, expired];
    const answer = await client.call({ path, body, answers, takesProtobuf: decode !== undefined }, signal);
    if (answer.status === gone || answer.status === expired)
      throw new LostFuture(`${requestId}: status ${answer.status}`);
    if (answer.isProtobuf && decode) return decode(answer.bytes);
    if (answer.status !== timedOut) {
      const found = client.read(answer, path, z.unknown());
      const { success, data } = Unfinished.safeParse(found);
      if (!success) return client.read(answer, path, schema);
      if ("error" in data) throw new EngineRefusal(client.address, "a request", 400, data.error);
    }
    await client.timing.sleep(pollMs, signal);
  }
}

const Completions = z.object({
  completions: z.array(z.object({ request_id: z.string() })),
  cursor: z.int(),
});

/**
 * Learns which of a sampling session's requests are finished by one poll for all of them; from a server that has no route
 * for that, at once that each may be asked for by itself.
 */
export class FinishedRequests {
  readonly #client: EngineClient;
  readonly #target: object;
  readonly #waiting = new Map<string, () => void>();
  readonly #finished = new Set<string>();
  #fetched: string[] = [];
  #cursor = 0;
  #hasRoute = true;
  #polling: Promise<void> | null = null;

  constructor(client: EngineClient, samplingSession: string) {
    this.#client = client;
    this.#target = { type: "sampling_session", sampling_session_id: samplingSession, cloned_sampler_id: 0 };
  }

  /** Resolves once a request may be asked for its result; rejects as the poll for all does, or as the signal says. */
  async wait(requestId: string, signal?: AbortSignal): Promise<void> {
    const stop = (): void => this.#wake(requestId);
    signal?.addEventListener("abort", stop, { once: true });
    try {
      await this.#wait(requestId, signal);
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  async #wait(requestId: string, signal?: AbortSignal): Promise<void> {
    while (this.#hasRoute && !this.#finished.delete(requestId)) {
      signal?.throwIfAborted();
      const woken = new Promise<void>((resolve) => this.#waiting.set(requestId, resolve));
      this.#polling ??= this.#pollOn();
      await Promise.race([woken, this.#polling]);
    }
  }

  /** Lets the server forget a result that is here. */
  fetched(requestId: string): void {
    this.#fetched.push(requestId);
  }

  #pollOn(): Promise<void> {
    const polling = this.#poll().finally(() => {
      this.#polling = null;
    });
    // Nobody may be waiting any more when it fails.
    polling.catch(() => {});
    return polling;
  }

  async #poll(): Promise<void> {
    while (this.#hasRoute && this.#waiting.size > 0) {
      const fetched = this.#fetched;
      const body = { target: this.#target, prev_cursor: this.#cursor, retrieved_request_ids: fetched };
      const path = "retrieve_futures";
      const answer = await this.#client.call({ path, body, answers: [gone, 405, timedOut] });
      if (answer.status === gone || answer.status === 405) {
        this.#hasRoute = false;
        break;
      }
      if (answer.status === timedOut) continue;
      const { completions, cursor } = this.#client.read(answer, path, Completions);
      this.#fetched = this.#fetched.slice(fetched.length);
      this.#cursor = cursor;
      for (const { request_id } of completions) {
        this.#finished.add(request_id);
        this.#wake(request_id);
      }
      if (completions.length === 0) await this.#client.timing.sleep(pollMs);
    }
    for (const id of [...this.#waiting.keys()]) this.#wake(id);
  }

  #wake(requestId: string): void {
    this.#waiting.get(requestId)?.();
    this.#waiting.delete(requestId);
  }
}
