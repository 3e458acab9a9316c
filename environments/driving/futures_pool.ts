import { Worker } from "node:worker_threads";
import { ThreadCalls } from "../../common/thread_calls.ts";
import { type PoolThread, ThreadFault, ThreadPool } from "../../common/thread_pool.ts";
import { EnvironmentFault } from "../../training/environment.ts";
import type { Decision } from "./control.ts";
import type { Consequence, FutureOptions } from "./futures.ts";
import type { FuturesThread } from "./futures_protocol.ts";
import type { World } from "./world.ts";

/** Threads that play what follows decisions, one decision at a time in each. */
export class Futures implements AsyncDisposable {
  readonly #pool: ThreadPool<FuturesThread>;
  readonly #timeLimitMs: number;

  constructor(threads: number, timeLimitMs: number) {
    this.#pool = new ThreadPool<FuturesThread>({ threads, start });
    this.#timeLimitMs = timeLimitMs;
  }

  /** Rejects with an `EnvironmentFault` where the thread fails or takes too long. */
  async consequence(
    world: World,
    decision: Decision,
    options: FutureOptions,
    signal?: AbortSignal,
  ): Promise<Consequence> {
    try {
      const limit = { timeLimitMs: this.#timeLimitMs, signal };
      return await this.#pool.call("consequence", [world, decision, options], limit);
    } catch (error) {
      if (!(error instanceof ThreadFault)) throw error;
      throw new EnvironmentFault(error.kind, `${error.message} (environment.timeLimit)`, { cause: error });
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#pool[Symbol.asyncDispose]();
  }
}

async function start(): Promise<PoolThread<FuturesThread>> {
  const worker = new Worker(program, { name: "driving" });
  const calls = new ThreadCalls<FuturesThread>(worker, {
    name: "the driving simulator",
    advice: "Its trajectory is left out",
  });
  await calls.open();
  return { worker, calls };
}

/** Compiled, the thread's program stands beside this file; as TypeScript source it is taken from the build. */
const folder = import.meta.url.endsWith(".ts") ? "../../dist/environments/driving/" : "./";
const program = new URL(`${folder}futures_worker.js`, import.meta.url);
