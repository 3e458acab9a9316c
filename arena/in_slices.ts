import { setImmediate } from "node:timers/promises";
import type { Observable } from "rxjs";
import { fromAbortable } from "./from_abortable.ts";

/** Milliseconds of work after which the thread is given to others. */
const SLICE_MS = 10;

/** Maps a list of any length without holding the thread, which it gives to others first, and every few items. */
export function inSlices<T, R>(items: readonly T[], f: (item: T, index: number) => R): Observable<R[]> {
  return fromAbortable(async (signal) => {
    const results: R[] = [];
    let sliceEndMs = Number.NEGATIVE_INFINITY;
    for (const [index, item] of items.entries()) {
      if (performance.now() > sliceEndMs) {
        await setImmediate(undefined, { signal });
        sliceEndMs = performance.now() + SLICE_MS;
      }
      results.push(f(item, index));
    }
    return results;
  });
}
