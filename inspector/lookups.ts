import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { VisplayError } from "../common/errors.ts";
import { type Arguments, type Result, ThreadCalls } from "../common/thread_calls.ts";
import type { Queries } from "./queries.ts";

/** What a thread of the inspector can be asked. */
export type QueryThread = Pick<Queries, keyof Queries> & { open(): void };
type Method = Exclude<keyof QueryThread, "open" | "close">;

const program = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "../dist/inspector/worker.js" : "./worker.js", import.meta.url),
);

/** What may take longer than a person waits for a page. */
const slow: ReadonlySet<Method> = new Set<Method>([
  "order",
  "histogram",
  "drift",
  "curriculum",
  "comparison",
]);

/**
 * Looks things up in threads of their own: one for what takes milliseconds, and one for all else, so that a search
 * through a million texts delays no page. Questions that nobody waits for any more are not asked.
 */
export class Lookups implements AsyncDisposable {
  readonly #quick = new Queue("quick");
  readonly #slow = new Queue("slow");

  /** Rejects as the method of `Queries` does, and with "cancelled" where the signal aborts before its turn came. */
  ask<M extends Method>(
    method: M,
    args: Arguments<Queries[M]>,
    signal?: AbortSignal,
  ): Promise<Result<Queries[M]>> {
    const searches = (args as readonly unknown[]).some((arg) => hasText(arg));
    return (slow.has(method) || searches ? this.#slow : this.#quick).ask(method, args, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#quick[Symbol.asyncDispose](), this.#slow[Symbol.asyncDispose]()]);
  }
}

function hasText(arg: unknown): boolean {
  return (arg as { query?: { text?: string } } | null)?.query?.text !== undefined;
}

/** A thread that is asked one question after the other. */
class Queue implements AsyncDisposable {
  readonly #calls: ThreadCalls<QueryThread>;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(name: string) {
    const worker = new Worker(program, { name: `inspector, ${name}` });
    worker.unref();
    this.#calls = new ThreadCalls(worker, { name: "the inspector", advice: "Start it again" });
  }

  ask<M extends Method>(
    method: M,
    args: Arguments<Queries[M]>,
    signal?: AbortSignal,
  ): Promise<Result<Queries[M]>> {
    const answer = this.#turn.then(() => {
      if (signal?.aborted) throw new VisplayError("cancelled", "nobody waits for it any more");
      return this.#calls.call(method, args as Arguments<QueryThread[M]>) as Promise<Result<Queries[M]>>;
    });
    this.#turn = answer.catch(() => {});
    return answer;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#calls[Symbol.asyncDispose]();
  }
}
