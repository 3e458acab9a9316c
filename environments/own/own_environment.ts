import { Worker } from "node:worker_threads";
import { VisplayError } from "../../common/errors.ts";
import { type Arguments, ThreadCalls } from "../../common/thread_calls.ts";
import {
  type Action,
  type Environment,
  EnvironmentFault,
  type Outcome,
  type ResetOptions,
  type Start,
} from "../../training/environment.ts";
import type { EnvironmentThread, Result } from "./worker_protocol.ts";

/** Compiled, the thread's program stands beside this file; as TypeScript source it is taken from the build. */
const program = new URL(
  import.meta.url.endsWith(".ts") ? "../../dist/environments/own/worker.js" : "./worker.js",
  import.meta.url,
);

export interface OwnOptions {
  /** What named the module, for messages. */
  readonly setting: string;
  /** What the module is told. */
  readonly options: Readonly<Record<string, unknown>>;
  /** How many calls may run at once, each in a thread of its own. */
  readonly threads: number;
  /** What one call may take. */
  readonly timeLimitMs: number;
  /** Heap of a thread. */
  readonly memoryMb: number;
}

/** A thread with the module. */
interface Thread {
  readonly worker: Worker;
  readonly calls: ThreadCalls<EnvironmentThread>;
}

/**
 * An environment from a module of a user's own. Every thread has one call at a time, so that it is known whose fault it is
 * where one hangs or dies: that call is a fault, the thread is made anew, and no other trajectory notices, for their
 * states are kept here.
 */
export class OwnEnvironment implements Environment {
  readonly name: string;
  readonly tasks: number;
  readonly #options: OwnOptions;
  /** Those without a call; undefined for one that has yet to be made. */
  readonly #idle: (Thread | undefined)[];
  /** Calls that wait for a thread. */
  readonly #waiting: ((thread: Thread | undefined) => void)[] = [];
  readonly #open = new Set<Thread>();

  private constructor(path: string, tasks: number, first: Thread, options: OwnOptions) {
    this.name = path;
    this.tasks = tasks;
    this.#options = options;
    this.#idle = [first, ...new Array<undefined>(options.threads - 1)];
    this.#open.add(first);
  }

  /**
   * Loads the module, and begins its first task, so that what is wrong with it is known at once. Throws a `VisplayError` of
   * code "config".
   */
  static async open(path: string, options: OwnOptions): Promise<OwnEnvironment> {
    const { thread, tasks } = await startThread(path, options);
    const environment = new OwnEnvironment(path, tasks, thread, options);
    try {
      await environment.reset(0, { seed: 0, fit: () => null });
    } catch (error) {
      await environment[Symbol.asyncDispose]();
      if (!(error instanceof EnvironmentFault)) throw error;
      throw new VisplayError("config", `${options.setting}: ${path}: ${error.message}`, { cause: error });
    }
    return environment;
  }

  reset(task: number, { seed, signal }: ResetOptions): Promise<Start> {
    return this.#call("reset", [task, seed], signal);
  }

  step(state: unknown, { text, tokens, finishReason }: Action, signal?: AbortSignal): Promise<Outcome> {
    const told = { text, tokens: tokens.length, truncated: finishReason === "length" };
    return this.#call("step", [state, told], signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const open = [...this.#open];
    this.#open.clear();
    await Promise.all(open.map(({ worker }) => worker.terminate()));
  }

  async #call<M extends "reset" | "step">(
    method: M,
    args: Arguments<EnvironmentThread[M]>,
    signal: AbortSignal | undefined,
  ): Promise<M extends "reset" ? Start : Outcome> {
    let thread = await this.#take();
    try {
      if (signal?.aborted) throw cancelled();
      thread ??= await this.#start();
      const result = (await this.#perform(thread, method, args, signal)) as Result<never>;
      if ("given" in result) return result.given;
      throw new EnvironmentFault(result.fault.kind, result.fault.reason);
    } catch (error) {
      if (thread && !this.#open.has(thread)) thread = undefined;
      throw error;
    } finally {
      this.#give(thread);
    }
  }

  /** A call that has its time; the thread ends with one that takes longer, or that nobody waits for any more. */
  async #perform<M extends "reset" | "step">(
    thread: Thread,
    method: M,
    args: Arguments<EnvironmentThread[M]>,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    const { timeLimitMs } = this.#options;
    let why: VisplayError | undefined;
    const end = (reason: VisplayError): void => {
      why ??= reason;
      thread.worker.terminate();
    };
    const abort = (): void => end(cancelled());
    const timer = setTimeout(() => end(late(method, timeLimitMs)), timeLimitMs);
    signal?.addEventListener("abort", abort);
    try {
      return await thread.calls.call(method, args);
    } catch (error) {
      if (!(error instanceof VisplayError) || error.code !== "run") throw error;
      this.#open.delete(thread);
      throw why ?? new EnvironmentFault("crashed", error.message, { cause: error });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    }
  }

  #take(): Promise<Thread | undefined> | Thread | undefined {
    if (this.#idle.length > 0) return this.#idle.shift();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #give(thread: Thread | undefined): void {
    const next = this.#waiting.shift();
    if (next) next(thread);
    else this.#idle.unshift(thread);
  }

  async #start(): Promise<Thread> {
    const { thread } = await startThread(this.name, this.#options);
    this.#open.add(thread);
    return thread;
  }
}

async function startThread(
  path: string,
  { setting, options, memoryMb }: OwnOptions,
): Promise<{ readonly thread: Thread; readonly tasks: number }> {
  const worker = new Worker(program, { name: path, resourceLimits: { maxOldGenerationSizeMb: memoryMb } });
  const calls = new ThreadCalls<EnvironmentThread>(worker, {
    name: path,
    advice: "Its trajectory is left out",
  });
  return { thread: { worker, calls }, tasks: await calls.open(path, setting, options) };
}

function late(method: string, timeLimitMs: number): EnvironmentFault {
  const reason = `${method} took more than ${timeLimitMs / 1000} s (environment.timeLimit)`;
  return new EnvironmentFault("late", reason);
}

function cancelled(): VisplayError {
  return new VisplayError("cancelled", "the environment was told to stop");
}
