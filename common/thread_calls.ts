import type { Worker } from "node:worker_threads";
import { VisplayError } from "./errors.ts";
import { decodeError, encodeError, type SentError } from "./sent_error.ts";

/** To a thread: one call. */
export interface Call<M extends string> {
  readonly kind: "call";
  readonly id: number;
  readonly method: M;
  readonly args: readonly unknown[];
}

/** To a thread: a call, or that nobody waits for one any more. */
export type CallMessage<M extends string> = Call<M> | { readonly kind: "abort"; readonly id: number };

/** From a thread: how one call ended. */
export interface Reply {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: SentError;
}

/** What a thread replies to a call that `work` performs. */
export async function replyTo(id: number, work: () => unknown): Promise<Reply> {
  try {
    return { id, result: await work() };
  } catch (error) {
    return { id, error: encodeError(error) };
  }
}

/** What a thread can be asked; `open` is the first call of its life and `close` the last. */
export interface ThreadMethods {
  open(...args: never): unknown;
  close(): unknown;
}

type Name<T> = keyof T & string;
type AnyMethod = (...args: never) => unknown;

/** A method's arguments, without the signal that it may take last. */
export type Arguments<F> = F extends AnyMethod
  ? Required<Parameters<F>> extends readonly [...infer Rest, AbortSignal]
    ? Rest
    : Parameters<F>
  : never;

/** What a method's call resolves to. */
export type Result<F> = F extends AnyMethod ? Awaited<ReturnType<F>> : never;

export interface ThreadCallsOptions<M extends string> {
  /** Of what the thread keeps, for messages: "the replay in FOLDER". */
  readonly name: string;
  /** A sentence that tells what to do where the thread dies. */
  readonly advice: string;
  /** Posts a call, behind whatever it refers to; not asked again before it resolves. The signal says to give it up. */
  readonly send?: (call: Call<M>, signal: AbortSignal) => Promise<void>;
}

interface PendingCall {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly abort: () => void;
}

/**
 * The calls to a worker thread that does `T` and answers each call with a `Reply`. Calls arrive in the order in which
 * they were made, among them messages of other kinds, `Other`. Where the thread dies, or a message of it cannot be
 * read, all calls reject with code "run".
 */
export class ThreadCalls<T extends ThreadMethods, Other = never> implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #options: ThreadCallsOptions<Name<T>>;
  readonly #pending = new Map<number, PendingCall>();
  /** The sending of all calls so far. */
  #sent: Promise<void> = Promise.resolve();
  #count = 0;
  /** Why there can be no more calls. */
  #end: Error | undefined;
  #closed: Promise<void> | undefined;

  constructor(worker: Worker, options: ThreadCallsOptions<Name<T>>) {
    this.#worker = worker;
    this.#options = options;
    worker.on("message", (reply: Reply) => this.#settle(reply));
    worker.on("error", (error) => this.#die(error.message, error));
    worker.on("messageerror", (error) => this.#die(`a message was unreadable: ${error.message}`, error));
    worker.on("exit", (code) => this.#die(`exit code ${code}`));
  }

  /** The first call; where it rejects, the thread has ended. */
  async open(...args: Arguments<T["open"]>): Promise<Result<T["open"]>> {
    try {
      return await this.call("open", args);
    } catch (error) {
      await this.#worker.terminate();
      throw error;
    }
  }

  /** Rejects as the method does, or with "cancelled" where the signal aborts before the call was sent. */
  async call<M extends Name<T>>(
    method: M,
    args: Arguments<T[M]>,
    signal?: AbortSignal,
  ): Promise<Result<T[M]>> {
    if (this.#end) throw this.#end;
    const id = ++this.#count;
    const { send = async (call) => this.post(call) } = this.#options;
    const controller = new AbortController();
    const abort = (): void => {
      controller.abort(new VisplayError("cancelled", "the call was cancelled before it began"));
      this.post({ kind: "abort", id });
    };
    try {
      return await new Promise<Result<T[M]>>((resolve, reject) => {
        this.#pending.set(id, { resolve: resolve as (result: unknown) => void, reject, abort });
        if (signal?.aborted) abort();
        signal?.addEventListener("abort", abort);
        const sending = this.#sent.then(() => {
          controller.signal.throwIfAborted();
          return send({ kind: "call", id, method, args }, controller.signal);
        });
        this.#sent = sending.catch(reject);
      });
    } finally {
      this.#pending.delete(id);
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Posts a message at once, ahead of the calls that still wait to be sent. */
  post(message: CallMessage<Name<T>> | Other, transfer: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  /** Cancels the calls that have not ended, calls `close`, and ends the thread. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    try {
      if (this.#end) return;
      for (const { abort } of this.#pending.values()) abort();
      const released = this.call("close", [] as unknown as Arguments<T["close"]>);
      this.#end = new Error(`${this.#options.name} is closed`);
      await released;
    } finally {
      await this.#worker.terminate();
    }
  }

  #settle({ id, result, error }: Reply): void {
    const call = this.#pending.get(id);
    if (error) call?.reject(decodeError(error));
    else call?.resolve(result);
  }

  #die(reason: string, cause?: Error): void {
    const { name, advice } = this.#options;
    const message = `the thread of ${name} ended: ${reason}. ${advice}`;
    const error = new VisplayError("run", message, { cause });
    this.#end ??= error;
    for (const { reject } of this.#pending.values()) reject(error);
  }
}
