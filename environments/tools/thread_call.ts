import type { Arguments, Result, ThreadMethods } from "../../common/thread_calls.ts";
import { type PoolCallOptions, ThreadFault, type ThreadPool } from "../../common/thread_pool.ts";
import { ToolFault } from "./tool.ts";

/** What a thread of a tool answers. Throws a `ToolFault` where it takes too long, or dies. */
export async function callThread<T extends ThreadMethods, M extends keyof T & string>(
  pool: ThreadPool<T>,
  method: M,
  args: Arguments<T[M]>,
  options: PoolCallOptions,
): Promise<Result<T[M]>> {
  try {
    return await pool.call(method, args, options);
  } catch (error) {
    if (!(error instanceof ThreadFault)) throw error;
    throw new ToolFault(error.kind === "late" ? "timedOut" : "failed", error.message, { cause: error });
  }
}
