import type { Worker } from "node:worker_threads";
import { VisplayError } from "./errors.ts";
import type { Arguments, Result, ThreadCalls, ThreadMethods } from "./thread_calls.ts";

/** A thread that has begun. */
export interface PoolThread<T extends ThreadMethods> {
  readonly worker: Worker;
  readonly calls: ThreadCalls<T>;
}

export interface ThreadPoolOptions<T extends ThreadMethods> {
  /** How many calls may run at once, each in a thread of its own. */
  readonly threads: number;
  /** Starts one; not asked before a call needs it. */
  start(): Promise<PoolThread<T>>;
}

export interface PoolCallOptions {
  /** What the call may take, from when a thread has begun it. */
  readonly timeLimitMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** A call that took too long, or took its thread with it. */
export class ThreadFault extends Error {
  readonly kind: "late" | "crashed";

  constructor(kind: "late" | "crashed", message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ThreadFault";
    this.kind = kind;
  }
}

/**
 * Threads that have one call at a time each, so that it is known whose fault it is where one hangs or dies: that call is a
 * fault, the thread is made anew, and no other call notices.
 */
export class ThreadPool<T extends ThreadMethods> implements AsyncDisposable {
  readonly #options: ThreadPoolOptions<T>;
  /** Those without a call; undefined for one that has yet to be made. */
  readonly #idle: (PoolThread<T> | undefined)[];
  /** Calls that wait for a thread. */
  readonly #waiting: ((thread: PoolThread<T> | undefined) => void)[] = [];
  readonly #open = new Set<PoolThread<T>>();

  /** Takes over threads that have begun already. */
  constructor(options: ThreadPoolOptions<T>, ...begun: readonly PoolThread<T>[]) {
    this.#options = options;
    this.#idle = [...begun, ...new Array<undefined>(options.threads - begun.length)];
    for (const thread of begun) this.#open.add(thread);
  }

  /**
   * Waits for a thread and calls it. Rejects as the method does, with a `ThreadFault`, or with "cancelled" where the signal
   * aborts.
   */
  async call<M extends keyof T & string>(
    method: M,
    args: Arguments<T[M]>,
    options: PoolCallOptions,
  ): Promise<Result<T[M]>> {
    let thread = await this.#take();
    try {
      if (options.signal?.aborted) throw cancelled();
      thread ??= await this.#start();
      return await this.#perform(thread, method, args, options);
    } catch (error) {
      if (thread && !this.#open.has(thread)) thread = undefined;
      throw error;
    } finally {
      this.#give(thread);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const open = [...this.#open];
    this.#open.clear();
    await Promise.all(open.map(({ worker }) => worker.terminate()));
  }

  /** A call that has its time; the thread ends with one that takes longer, or that nobody waits for any more. */
  async #perform<M extends keyof T & string>(
    thread: PoolThread<T>,
    method: M,
    args: Arguments<T[M]>,
    { timeLimitMs, signal }: PoolCallOptions,
  ): Promise<Result<T[M]>> {
    let why: Error | undefined;
    const end = (reason: Error): void => {
      why ??= reason;
      thread.worker.terminate();
    };
    const abort = (): void => end(cancelled());
    const late = `${method} took more than ${timeLimitMs / 1000} s`;
    const timer = setTimeout(() => end(new ThreadFault("late", late)), timeLimitMs);
    signal?.addEventListener("abort", abort);
    try {
      return await thread.calls.call(method, args);
    } catch (error) {
      if (!(error instanceof VisplayError) || error.code !== "run") throw error;
      this.#open.delete(thread);
      throw why ?? new ThreadFault("crashed", error.message, { cause: error });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    }
  }

  #take(): Promise<PoolThread<T> | undefined> | PoolThread<T> | undefined {
    if (this.#idle.length > 0) return this.#idle.shift();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #give(thread: PoolThread<T> | undefined): void {
    const next = this.#waiting.shift();
    if (next) next(thread);
    else this.#idle.unshift(thread);
  }

  async #start(): Promise<PoolThread<T>> {
    const thread = await this.#options.start();
    this.#open.add(thread);
    return thread;
  }
}

function cancelled(): VisplayError {
  return new VisplayError("cancelled", "the call was cancelled");
}
