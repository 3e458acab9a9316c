import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { VisplayError } from "../common/errors.ts";
import { RandomStream } from "../common/random.ts";
import { type PlainRequest, plainRequest } from "./plain_request.ts";

const statuses = ["PENDING", "RUNNING", "STOPPED", "SUCCEEDED", "FAILED"] as const;

/** What a job is at; the last three are its end. */
export type JobStatus = (typeof statuses)[number];

/** A job as its cluster tells of it. */
export interface JobDetails {
  readonly status: JobStatus;
  /** What came of it, in words; null where nothing is said. */
  readonly message: string | null;
}

/** What is submitted. */
export interface JobRequest {
  /** The name under which it is known from then on, which the submitter chooses. */
  readonly submission_id: string;
  /** A shell command. */
  readonly entrypoint: string;
  readonly runtime_env: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, string>>;
}

const Details: z.ZodType<JobDetails> = z.object({
  status: z.enum(statuses),
  message: z
    .string()
    .nullish()
    .transform((text) => text ?? null),
});
const Logs: z.ZodType<{ readonly logs: string }> = z.object({ logs: z.string() });

export interface RayJobsOptions {
  readonly signal: AbortSignal;
  /** Told that the cluster does not answer, and how often that was tried. */
  readonly onTrouble: (problem: string) => void;
  /** Tries of one request, at most, until the cluster counts as away (default 8: some two minutes). */
  readonly tries?: number;
  /** Before the second try; each later one waits twice as long, half a minute at most (default 1000). */
  readonly waitMs?: number;
}

/** A request's time. Logs may be long. */
const TIMEOUT_MS = 60_000;
const MAX_WAIT_MS = 30_000;
/** Of a server's answer in a message. */
const SHOWN = 400;

/**
 * Ray's Jobs REST interface (`/api/jobs/`). A cluster that is away, or fails by itself (5xx, 429), is asked again with growing
 * pauses; a job's name makes it safe to submit it again. Rejects with "run" where it stays away or refuses, "cancelled" where
 * the signal aborts.
 */
export class RayJobs {
  readonly url: string;
  readonly #options: RayJobsOptions;
  readonly #jitter: RandomStream = new RandomStream(process.pid);

  constructor(url: string, options: RayJobsOptions) {
    this.url = url.replace(/\/+$/, "");
    this.#options = options;
  }

  /** A job; null for one that the cluster does not know. */
  async details(id: string): Promise<JobDetails | null> {
    const answer = await this.#ask("GET", id);
    return answer.status === 404 ? null : this.#read(answer, Details);
  }

  /** Everything that a job has written so far. */
  async logs(id: string): Promise<string> {
    const answer = await this.#ask("GET", `${id}/logs`);
    return answer.status === 404 ? "" : (await this.#read(answer, Logs)).logs;
  }

  /** Submits a job, which is there already where an answer to this was lost; Ray then fails by itself. */
  async submit(job: JobRequest): Promise<void> {
    const isThere = async (): Promise<boolean> => (await this.details(job.submission_id)) !== null;
    const answer = await this.#ask("POST", "", job, isThere);
    if (!answer.ok && !(await isThere())) throw await this.#refusal(answer);
  }

  /** Tells a job to stop; whether it was running. */
  async stop(id: string): Promise<boolean> {
    const answer = await this.#ask("POST", `${id}/stop`);
    return (await this.#read(answer, z.object({ stopped: z.boolean() }))).stopped;
  }

  /** Forgets a job that has ended, so that its name is free. */
  async forget(id: string): Promise<void> {
    const answer = await this.#ask("DELETE", id);
    if (!answer.ok && answer.status !== 404) throw await this.#refusal(answer);
  }

  /** Asks until there is an answer, or what was asked for is done all the same. */
  async #ask(
    method: PlainRequest["method"],
    path: string,
    body?: object,
    isDone?: () => Promise<boolean>,
  ): Promise<Response> {
    const { signal, onTrouble, tries = 8, waitMs = 1000 } = this.#options;
    for (let tried = 1; ; tried++) {
      const answer = await this.#once(method, path, body);
      if (answer instanceof Response && answer.status < 500 && answer.status !== 429) return answer;
      const problem =
        answer instanceof Response ? `answered ${await textOf(answer)}` : `is away: ${reasonOf(answer)}`;
      const found = `the Ray cluster at ${this.url} ${problem}`;
      if (tried === tries)
        throw new VisplayError(
          "run",
          `${found}; expected its Jobs interface there (--url), tried ${tries} times`,
        );
      if (await isDone?.()) return new Response();
      onTrouble(`${found}; asking again`);
      const pauseMs = Math.min(MAX_WAIT_MS, waitMs * 2 ** (tried - 1)) * (0.5 + this.#jitter.uniform());
      await sleep(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }

  async #once(
    method: PlainRequest["method"],
    path: string,
    body: object | undefined,
  ): Promise<Response | Error> {
    const signal = AbortSignal.any([this.#options.signal, AbortSignal.timeout(TIMEOUT_MS)]);
    try {
      return await plainRequest(`${this.url}/api/jobs/${path}`, { method, body, signal });
    } catch (error) {
      this.#options.signal.throwIfAborted();
      return error as Error;
    }
  }

  async #read<T>(answer: Response, schema: z.ZodType<T>): Promise<T> {
    if (!answer.ok) throw await this.#refusal(answer);
    const body: unknown = await answer.json().catch(() => undefined);
    const read = schema.safeParse(body);
    if (read.success) return read.data;
    const found = `${this.url}: found ${JSON.stringify(body)?.slice(0, SHOWN) ?? "no JSON"}`;
    throw new VisplayError("run", `${found}; expected the answer of Ray's Jobs interface (--url)`);
  }

  async #refusal(answer: Response): Promise<VisplayError> {
    return new VisplayError("run", `the Ray cluster at ${this.url} refused: ${await textOf(answer)}`);
  }
}

async function textOf(answer: Response): Promise<string> {
  const text = await answer.text().catch(() => "");
  return `${answer.status} ${text.trim().slice(-SHOWN)}`.trim();
}

/** Of several addresses that were tried, each has its own. */
function reasonOf(error: Error): string {
  return error.message || ("code" in error && `${error.code}`) || error.name;
}
