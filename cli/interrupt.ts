import { fromEvent, map, type Observable, takeUntil, tap } from "rxjs";
import { exitCodes, VisplayError } from "../common/errors.ts";

/**
 * A signal that aborts, with a "cancelled" error as its reason, on the first SIGINT or SIGTERM; the second ends
 * the process at once. Dispose it when the work is done.
 */
export function interruptible(): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) return process.exit(exitCodes.cancelled);
    process.stderr.write("\nstopping; once more to stop at once\n");
    controller.abort(new VisplayError("cancelled", "stopped before the end"));
  };
  const names = ["SIGINT", "SIGTERM"] as const;
  for (const name of names) process.on(name, onSignal);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const name of names) process.off(name, onSignal);
    },
  };
}

/** Subscribes and hands on every value; rejects if the source or `next` fails, or with the reason of the signal. */
export function drive<T>(
  source: Observable<T>,
  next: (value: T) => void,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const aborted = fromEvent(signal, "abort").pipe(
    map(() => {
      throw signal.reason;
    }),
  );
  return new Promise((resolve, reject) => {
    source.pipe(tap(next), takeUntil(aborted)).subscribe({ error: reject, complete: resolve });
  });
}
