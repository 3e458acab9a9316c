import type { Observable } from "rxjs";
import { mapInSlices } from "../common/slices.ts";
import { fromAbortable } from "./from_abortable.ts";

/** `mapInSlices` as an observable of the whole list, aborted by unsubscribing. */
export function inSlices<T, R>(items: readonly T[], f: (item: T, index: number) => R): Observable<R[]> {
  return fromAbortable((signal) => mapInSlices(items, f, signal));
}
