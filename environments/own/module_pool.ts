import { Worker } from "node:worker_threads";
import { type Arguments, ThreadCalls, type ThreadMethods } from "../../common/thread_calls.ts";
import { type PoolThread, ThreadFault, ThreadPool } from "../../common/thread_pool.ts";
import { EnvironmentFault, type Fault } from "../../training/environment.ts";

export interface ModuleOptions {
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

/** What came of a call, or what spoiled it. */
export type Result<T> = { readonly given: T } | { readonly fault: Fault };

/** What a thread with a module does; all but `open` and `close` gives a `Result`. */
export interface ModuleThread extends ThreadMethods {
  /** Loads the module; gives what it is to be known for. */
  open(path: string, setting: string, options: Readonly<Record<string, unknown>>): Promise<unknown>;
}

/** The program of a module's thread, and what its messages say. */
export interface ModuleProgram {
  /** Its file in this folder, without an extension. */
  readonly name: string;
  /** What comes of a thread's end. */
  readonly advice: string;
  /** What sets how long a call may take. */
  readonly timeSetting: string;
}

type Opened<T extends ModuleThread> = Awaited<ReturnType<T["open"]>>;
type Given<F> = F extends (...args: never) => Promise<Result<infer G>> ? G : never;

/** Threads that have loaded a module of a user's own. */
export class ModulePool<T extends ModuleThread> implements AsyncDisposable {
  readonly #pool: ThreadPool<T>;
  readonly #timeLimitMs: number;
  readonly #timeSetting: string;

  private constructor(pool: ThreadPool<T>, timeLimitMs: number, timeSetting: string) {
    this.#pool = pool;
    this.#timeLimitMs = timeLimitMs;
    this.#timeSetting = timeSetting;
  }

  /** Loads the module in a first thread, and says what that found. Throws a `VisplayError` of code "config". */
  static async open<T extends ModuleThread>(
    path: string,
    program: ModuleProgram,
    options: ModuleOptions,
  ): Promise<{ readonly pool: ModulePool<T>; readonly opened: Opened<T> }> {
    const { threads, timeLimitMs } = options;
    const { thread, opened } = await startThread<T>(path, program, options);
    const start = async () => (await startThread<T>(path, program, options)).thread;
    const pool = new ThreadPool<T>({ threads, start }, thread);
    return { pool: new ModulePool(pool, timeLimitMs, program.timeSetting), opened };
  }

  /** Rejects with an `EnvironmentFault` where the module spoils the call, with "cancelled" where the signal aborts. */
  async call<M extends Exclude<keyof T & string, keyof ModuleThread>>(
    method: M,
    args: Arguments<T[M]>,
    signal: AbortSignal | undefined,
  ): Promise<Given<T[M]>> {
    const result = (await this.#inPool(method, args, signal)) as Result<Given<T[M]>>;
    if ("given" in result) return result.given;
    throw new EnvironmentFault(result.fault.kind, result.fault.reason);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#pool[Symbol.asyncDispose]();
  }

  async #inPool<M extends keyof T & string>(
    method: M,
    args: Arguments<T[M]>,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    try {
      return await this.#pool.call(method, args, { timeLimitMs: this.#timeLimitMs, signal });
    } catch (error) {
      if (!(error instanceof ThreadFault)) throw error;
      const setting = error.kind === "late" ? ` (${this.#timeSetting})` : "";
      throw new EnvironmentFault(error.kind, `${error.message}${setting}`, { cause: error });
    }
  }
}

async function startThread<T extends ModuleThread>(
  path: string,
  { name, advice }: ModuleProgram,
  { setting, options, memoryMb }: ModuleOptions,
): Promise<{ readonly thread: PoolThread<T>; readonly opened: Opened<T> }> {
  const resourceLimits = { maxOldGenerationSizeMb: memoryMb };
  const worker = new Worker(programFile(name), { name: path, resourceLimits });
  const calls = new ThreadCalls<T>(worker, { name: path, advice });
  const opened = await calls.open(...([path, setting, options] as unknown as Arguments<T["open"]>));
  return { thread: { worker, calls }, opened: opened as Opened<T> };
}

/** Compiled, a thread's program stands beside this file; as TypeScript source it is taken from the build. */
function programFile(name: string): URL {
  const folder = import.meta.url.endsWith(".ts") ? "../../dist/environments/own/" : "./";
  return new URL(`${folder}${name}.js`, import.meta.url);
}
