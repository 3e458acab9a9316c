import type * as z from "zod";
import { parseJson } from "../../common/json.ts";
import type { EngineAddress } from "./address.ts";
import { EngineRefusal, gaveUp, outOfOrder, sayUnreachable } from "./failures.ts";
import type { JsonBody } from "./json.ts";
import { protobufType } from "./protobuf.ts";

/** How time passes for a client. */
export interface Timing {
  /** Milliseconds, from whenever. */
  now(): number;
  /** Rejects as the signal says. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Uniform in [0, 1): no two clients are to come back at the same moment. */
  random(): number;
}

export interface ClientOptions {
  readonly timing: Timing;
  /** How long a request is repeated that does not come through. */
  readonly patienceMs: number;
  /** How long the answer to one may take. */
  readonly timeoutMs: number;
}

/** One request, which may be sent more than once. */
export interface EngineRequest {
  readonly method?: "GET" | "POST" | "DELETE";
  /** Behind /api/v1. */
  readonly path: string;
  /** JSON, or a message in protobuf. */
  readonly body?: JsonBody | Uint8Array;
  /** Whether the message is compressed by zstd. */
  readonly isCompressed?: boolean;
  /** Whether protobuf may be answered. */
  readonly takesProtobuf?: boolean;
  /** Statuses that are answers here, not refusals. */
  readonly answers?: readonly number[];
}

export interface EngineAnswer {
  readonly status: number;
  /** Where a redirection leads; nobody follows one with the key. */
  readonly location: string | null;
  readonly isProtobuf: boolean;
  readonly bytes: Uint8Array;
}

/** Before the first repetition, and the longest before any. */
const pauses = { firstMs: 500, mostMs: 30_000, jitter: 0.25 } as const;
/** What may be otherwise in a moment: a wait that ran out, a sampler that is not ready, a limit of requests. */
const passing: readonly number[] = [408, 425, 429];

/**
 * Asks a Tinker-API server. What does not come through is repeated with growing pauses as long as patience lasts: broken
 * connections, statuses 408, 425 and 429, and those from 500 on. Throws an `EngineRefusal` with any other status, and a
 * `VisplayError` of code "engine" where the server cannot be reached.
 */
export class EngineClient {
  readonly address: EngineAddress;
  readonly #options: ClientOptions;

  constructor(address: EngineAddress, options: ClientOptions) {
    this.address = address;
    this.#options = options;
  }

  get timing(): Timing {
    return this.#options.timing;
  }

  /** Sends JSON and reads JSON. */
  async post<T>(path: string, body: JsonBody, schema: z.ZodType<T>, signal?: AbortSignal): Promise<T> {
    return this.read(await this.call({ path, body }, signal), path, schema);
  }

  async get<T>(path: string, schema: z.ZodType<T>, signal?: AbortSignal): Promise<T> {
    return this.read(await this.call({ method: "GET", path }, signal), path, schema);
  }

  /** An answer in JSON. Throws "engine" where it is of another form. */
  read<T>({ bytes }: EngineAnswer, path: string, schema: z.ZodType<T>): T {
    const text = new TextDecoder().decode(bytes);
    const found = schema.safeParse(parseJson(text));
    if (found.success) return found.data;
    throw outOfOrder(this.address, path, text, found.error);
  }

  /** Sends a request until it is answered. */
  async call(request: EngineRequest, signal?: AbortSignal): Promise<EngineAnswer> {
    const { timing, patienceMs } = this.#options;
    const startedMs = timing.now();
    for (let attempt = 0; ; attempt++) {
      signal?.throwIfAborted();
      const answer = await this.#send(request, signal);
      if (!("trouble" in answer)) return answer;
      const pauseMs = pauseOf(attempt, answer.retryAfterMs, timing.random());
      if (timing.now() + pauseMs - startedMs > patienceMs)
        throw gaveUp(this.address, request.path, answer.trouble, patienceMs);
      await timing.sleep(pauseMs, signal);
    }
  }

  /** Sends it once: an answer, or what passes. */
  async #send(request: EngineRequest, signal?: AbortSignal): Promise<EngineAnswer | Trouble> {
    const { method = "POST", path, answers = [] } = request;
    const timeout = AbortSignal.timeout(this.#options.timeoutMs);
    try {
      const response = await fetch(new URL(`api/v1/${path}`, withSlash(this.address.url)), {
        method,
        ...contentOf(request, this.address.key),
        redirect: "manual",
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      });
      const bytes = new Uint8Array(await response.arrayBuffer());
      const { status, headers } = response;
      const isProtobuf = headers.get("content-type")?.startsWith(protobufType) ?? false;
      if (response.ok || answers.includes(status))
        return { status, location: headers.get("location"), isProtobuf, bytes };
      const detail = detailIn(bytes);
      if (!passing.includes(status) && status < 500)
        throw new EngineRefusal(this.address, path, status, detail);
      const seconds = Number(headers.get("retry-after") ?? Number.NaN);
      return {
        trouble: `status ${status}${detail && `: ${detail}`}`,
        retryAfterMs: Number.isFinite(seconds) ? seconds * 1000 : null,
      };
    } catch (error) {
      if (error instanceof EngineRefusal) throw error;
      signal?.throwIfAborted();
      return { trouble: sayUnreachable(error, this.address), retryAfterMs: null };
    }
  }
}

/** What passes, and after how long the server says that it does. */
interface Trouble {
  readonly trouble: string;
  readonly retryAfterMs: number | null;
}

/** Twice as long each time, or as long as was asked for, and a little more or less. */
function pauseOf(attempt: number, retryAfterMs: number | null, random: number): number {
  const usual = Math.min(pauses.mostMs, pauses.firstMs * 2 ** attempt);
  const jitter = 1 + pauses.jitter * (2 * random - 1);
  return Math.max(usual, Math.min(retryAfterMs ?? 0, pauses.mostMs)) * jitter;
}

function contentOf(
  { body, isCompressed = false, takesProtobuf = false }: EngineRequest,
  key: string | null,
): { readonly headers: Record<string, string>; readonly body?: string | Uint8Array<ArrayBuffer> } {
  const headers: Record<string, string> = {
    ...(key !== null && { "X-API-Key": key }),
    Accept: takesProtobuf ? protobufType : "application/json",
  };
  if (body === undefined) return { headers };
  if (!(body instanceof Uint8Array)) {
    headers["Content-Type"] = "application/json";
    return { headers, body: JSON.stringify(body) };
  }
  headers["Content-Type"] = protobufType;
  if (isCompressed) headers["Content-Encoding"] = "zstd";
  return { headers, body: body as Uint8Array<ArrayBuffer> };
}

/** What a refusal says, shortened: some send back what they were sent. */
function detailIn(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes.subarray(0, 4096));
  const { detail, error } = (parseJson(text) ?? {}) as { detail?: unknown; error?: unknown };
  const said = detail ?? error ?? text;
  const line = typeof said === "string" ? said : JSON.stringify(said);
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}

function withSlash(url: string): string {
  return url.endsWith("/") ? url : `${url}/`;
}
