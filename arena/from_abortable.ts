import { fromEvent, type MonoTypeOperatorFunction, map, Observable, of, takeUntil } from "rxjs";
import { VisplayError } from "../common/errors.ts";

/**
 * The result of asynchronous work as a cold observable: each subscription starts the work with an `AbortSignal`
 * of its own, which unsubscribing aborts. Nothing is emitted after that.
 */
export function fromAbortable<T>(work: (signal: AbortSignal) => Promise<T>): Observable<T> {
  return new Observable((subscriber) => {
    const controller = new AbortController();
    work(controller.signal).then(
      (value) => {
        subscriber.next(value);
        subscriber.complete();
      },
      (error: unknown) => subscriber.error(error),
    );
    return () => controller.abort();
  });
}

/** Ends a source with a "cancelled" error once a signal aborts. */
export function untilAborted<T>(signal: AbortSignal): MonoTypeOperatorFunction<T> {
  const aborted: Observable<unknown> = signal.aborted ? of(signal) : fromEvent(signal, "abort");
  return takeUntil(
    aborted.pipe(
      map(() => {
        throw new VisplayError("cancelled", "stopped before the end");
      }),
    ),
  );
}
