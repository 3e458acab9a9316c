import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import * as z from "zod";
import { ByteCache } from "../../../common/byte_cache.ts";
import { VisplayError } from "../../../common/errors.ts";
import { importOptional } from "../../../common/optional_package.ts";
import { deriveSeed } from "../../../common/random.ts";
import { ThreadCalls } from "../../../common/thread_calls.ts";
import { type PoolThread, ThreadPool } from "../../../common/thread_pool.ts";
import { callThread } from "../thread_call.ts";
import { type Tool, ToolFault } from "../tool.ts";
import type { PythonThread, SeededCode, Session } from "./python_protocol.ts";

/** Compiled, the thread's program stands beside this file; as TypeScript source it is taken from the build. */
const workerProgram = new URL(
  import.meta.url.endsWith(".ts") ? "../../../dist/environments/tools/python/worker.js" : "./worker.js",
  import.meta.url,
);

export interface PythonOptions {
  /** What named the tool, for messages. */
  readonly setting: string;
  /** What one call may take, with those before it where they have to run again. */
  readonly timeLimitMs: number;
  /** How many calls may run at once, each in a thread of its own; by default one for each core, up to 4. */
  readonly threads?: number;
  /** Bytes of sessions that are kept, so that the calls before need not run again (default 256 MiB). */
  readonly keptBytes?: number;
}

interface Given {
  readonly code: string;
}

const given: z.ZodType<Given> = z.strictObject({
  code: z
    .string()
    .max(50_000)
    .describe("a program; what it prints and its last expression's value come back"),
});

/** Heap of a thread's JavaScript (MB); Python's own memory has a limit of its own. */
const heapMb = 256;

/**
 * Python in WebAssembly, by Pyodide: threads without an environment, whose Python can ask nothing of JavaScript but to read
 * its own standard library. What it knows after a call it knows in the next one of the trajectory: its memory is kept, or
 * comes about again by running the calls before, which draw the same numbers and read the same times. Throws a
 * `VisplayError` of code "config" where Pyodide is not installed.
 */
export async function openPython({
  setting,
  timeLimitMs,
  threads = Math.min(4, availableParallelism()),
  keptBytes = 2 ** 28,
}: PythonOptions): Promise<Tool<Given> & AsyncDisposable> {
  await requirePyodide(setting);
  const { thread, digest } = await startThread();
  const pool = new ThreadPool<PythonThread>({ threads, start: () => startEqual(digest) }, thread);
  const sessions = new ByteCache<Session>(keptBytes, bytesOf);
  return {
    name: "python",
    description:
      "runs Python with its standard library, without network; variables, and files in the folder that it begins in, stay for the next call",
    arguments: given,
    isPure: false,
    keepsTime: true,
    async run({ code }, { before, seed, signal }) {
      const codes = [...before.map((each) => (each as Given).code), code];
      const { session, known } = latestSession(codes, seed);
      const seeded = codes.map((each, index) => ({ code: each, seed: deriveSeed(seed, "python", index) }));
      const args: [readonly SeededCode[], Session | null] = [seeded.slice(known), session];
      const result = await callThread(pool, "run", args, { timeLimitMs, signal });
      if ("fault" in result) throw new ToolFault(result.fault, result.message);
      if (result.session && bytesOf(result.session) <= keptBytes)
        sessions.set(key(codes, seed), result.session);
      return [result.text === "" ? "(nothing was printed)" : result.text];
    },
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  };

  /** Where the trajectory stood last that is still known, and how many of its calls that holds. */
  function latestSession(codes: readonly string[], seed: number) {
    for (let known = codes.length - 1; known > 0; known--) {
      const session = sessions.get(key(codes.slice(0, known), seed));
      if (session) return { session, known };
    }
    return { session: null, known: 0 };
  }
}

/** The one whose ways out are known, and shut. */
const pyodideVersion = "314.0.7";

async function requirePyodide(setting: string): Promise<void> {
  const { version } = await importOptional("pyodide", setting, () => import("pyodide"), pyodideVersion);
  if (version === pyodideVersion) return;
  const found = `${setting}: found pyodide ${version}, expected ${pyodideVersion}`;
  throw new VisplayError("config", `${found}: npm install pyodide@${pyodideVersion}`);
}

function bytesOf({ pages, files }: Session): number {
  return files.entries.reduce((sum, { bytes }) => sum + (bytes?.length ?? 0), pages.bytes.length);
}

function key(codes: readonly string[], seed: number): string {
  return JSON.stringify([seed, ...codes]);
}

async function startThread(): Promise<{
  readonly thread: PoolThread<PythonThread>;
  readonly digest: string;
}> {
  const worker = new Worker(workerProgram, {
    name: "python",
    env: {},
    execArgv: [],
    stdin: true,
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: heapMb },
  });
  const calls = new ThreadCalls<PythonThread>(worker, { name: "python", advice: "Its call has failed" });
  return { thread: { worker, calls }, digest: await calls.open() };
}

/** Another thread, whose Python began with the very same memory: a session that one left another goes on with. */
async function startEqual(wanted: string): Promise<PoolThread<PythonThread>> {
  const { thread, digest } = await startThread();
  if (digest === wanted) return thread;
  await thread.worker.terminate();
  throw new Error("Python began with another memory than in the thread before");
}
