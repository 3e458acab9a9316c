import { type Observable, tap } from "rxjs";
import { exitCodes, VisplayError } from "../common/errors.ts";
import { say } from "./terminal.ts";

/** Aborts, with a "cancelled" error as its reason, when the user wants to stop. */
export interface Interrupt extends Disposable {
  readonly signal: AbortSignal;
}

/**
 * Listens to SIGINT and SIGTERM: the first aborts the signal, the second ends the process at once. Dispose it when
 * the work is done.
 */
export function interruptible(): Interrupt {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) return process.exit(exitCodes.cancelled);
    say("\nstopping; once more to stop at once");
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

/** Subscribes and hands on every value; rejects if the source or `next` fails. */
export function drive<T>(source: Observable<T>, next: (value: T) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    source.pipe(tap(next)).subscribe({ error: reject, complete: resolve });
  });
}
