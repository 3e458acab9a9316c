import { setImmediate } from "node:timers/promises";
import { VisplayError } from "./errors.ts";

/** Milliseconds of work after which the thread is given to others. */
const sliceMs = 10;

/**
 * Maps a list of any length without holding the thread, which it gives to others first, and every few items; a signal
 * that aborts meanwhile makes it reject with code "cancelled".
 */
export async function mapInSlices<T, R>(
  items: readonly T[],
  f: (item: T, index: number) => R,
  signal?: AbortSignal,
): Promise<R[]> {
  const results: R[] = [];
  let sliceEndMs = Number.NEGATIVE_INFINITY;
  for (const [index, item] of items.entries()) {
    if (performance.now() > sliceEndMs) {
      await setImmediate();
      if (signal?.aborted) throw new VisplayError("cancelled", "stopped before the end of a list");
      sliceEndMs = performance.now() + sliceMs;
    }
    results.push(f(item, index));
  }
  return results;
}
