import { Worker } from "node:worker_threads";
import { VisplayError } from "../../common/errors.ts";
import { type Arguments, ThreadCalls } from "../../common/thread_calls.ts";
import { type PoolThread, ThreadFault, ThreadPool } from "../../common/thread_pool.ts";
import {
  type Action,
  type Environment,
  EnvironmentFault,
  type Outcome,
  type ResetOptions,
  type Start,
} from "../../training/environment.ts";
import type { EnvironmentThread, OwnAbilities, Result } from "./worker_protocol.ts";

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

/** Calls that are answered by what the module gives, or by a fault. */
type Answered = "reset" | "step" | "demonstrate";
type Given<M extends Answered> = Extract<
  Awaited<ReturnType<EnvironmentThread[M]>>,
  { given: unknown }
>["given"];

/**
 * An environment from a module of a user's own, in threads. States are kept here, so that where a thread hangs or dies no
 * trajectory but the one that it worked for notices.
 */
export class OwnEnvironment implements Environment {
  readonly name: string;
  readonly tasks: number;
  /** Only where the module can. */
  readonly demonstrate?: (state: unknown, turn: number, signal?: AbortSignal) => Promise<string>;
  readonly #pool: ThreadPool<EnvironmentThread>;
  readonly #timeLimitMs: number;

  private constructor(
    path: string,
    { tasks, demonstrates }: OwnAbilities,
    pool: ThreadPool<EnvironmentThread>,
    timeLimitMs: number,
  ) {
    this.name = path;
    this.tasks = tasks;
    if (demonstrates)
      this.demonstrate = (state, turn, signal) => this.#call("demonstrate", [state, turn], signal);
    this.#pool = pool;
    this.#timeLimitMs = timeLimitMs;
  }

  /**
   * Loads the module, and begins its first task, so that what is wrong with it is known at once. Throws a `VisplayError` of
   * code "config".
   */
  static async open(path: string, options: OwnOptions): Promise<OwnEnvironment> {
    const { threads, timeLimitMs, setting } = options;
    const { thread, abilities } = await startThread(path, options);
    const start = async () => (await startThread(path, options)).thread;
    const pool = new ThreadPool<EnvironmentThread>({ threads, start }, thread);
    const environment = new OwnEnvironment(path, abilities, pool, timeLimitMs);
    try {
      await environment.reset(0, { seed: 0, fit: () => null });
    } catch (error) {
      await environment[Symbol.asyncDispose]();
      if (!(error instanceof EnvironmentFault)) throw error;
      throw new VisplayError("config", `${setting}: ${path}: ${error.message}`, { cause: error });
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

  [Symbol.asyncDispose](): Promise<void> {
    return this.#pool[Symbol.asyncDispose]();
  }

  async #call<M extends Answered>(
    method: M,
    args: Arguments<EnvironmentThread[M]>,
    signal: AbortSignal | undefined,
  ): Promise<Given<M>> {
    const result = (await this.#inPool(method, args, signal)) as Result<never>;
    if ("given" in result) return result.given;
    throw new EnvironmentFault(result.fault.kind, result.fault.reason);
  }

  async #inPool<M extends Answered>(
    method: M,
    args: Arguments<EnvironmentThread[M]>,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    try {
      return await this.#pool.call(method, args, { timeLimitMs: this.#timeLimitMs, signal });
    } catch (error) {
      if (!(error instanceof ThreadFault)) throw error;
      const setting = error.kind === "late" ? " (environment.timeLimit)" : "";
      throw new EnvironmentFault(error.kind, `${error.message}${setting}`, { cause: error });
    }
  }
}

async function startThread(
  path: string,
  { setting, options, memoryMb }: OwnOptions,
): Promise<{ readonly thread: PoolThread<EnvironmentThread>; readonly abilities: OwnAbilities }> {
  const worker = new Worker(program, { name: path, resourceLimits: { maxOldGenerationSizeMb: memoryMb } });
  const calls = new ThreadCalls<EnvironmentThread>(worker, {
    name: path,
    advice: "Its trajectory is left out",
  });
  return { thread: { worker, calls }, abilities: await calls.open(path, setting, options) };
}
