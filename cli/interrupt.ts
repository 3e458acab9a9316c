import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { type Observable, tap } from "rxjs";
import { steadyClock } from "../common/clock.ts";
import { exitCodes, VisplayError } from "../common/errors.ts";
import { say } from "./terminal.ts";

/** Aborts, with a "cancelled" error as its reason, when the user wants to stop. */
export interface Interrupt extends Disposable {
  readonly signal: AbortSignal;
}

/** npm hands a signal on that the terminal has sent to everybody, so that one Ctrl-C comes twice. */
const SAME_KEY_MS = 300;

/**
 * Listens to SIGINT, SIGTERM and SIGHUP: the first aborts the signal, another SIGINT or SIGTERM ends the process at
 * once. A SIGHUP under nohup is ignored. Dispose it when the work is done.
 */
export function interruptible(): Interrupt {
  const controller = new AbortController();
  let abortedAtMs = 0;
  const stop = () => {
    abortedAtMs = steadyClock.now();
    say("\nstopping; once more to stop at once");
    controller.abort(new VisplayError("cancelled", "interrupted"));
  };
  const onSignal = () => {
    if (!controller.signal.aborted) return stop();
    if (steadyClock.now() - abortedAtMs > SAME_KEY_MS) process.exit(exitCodes.cancelled);
  };
  const ignored = ignoresHangup();
  const onHangup = () => {
    if (!ignored && !controller.signal.aborted) stop();
  };
  const listeners = { SIGINT: onSignal, SIGTERM: onSignal, SIGHUP: onHangup };
  const names = Object.keys(listeners) as (keyof typeof listeners)[];
  for (const name of names) process.on(name, listeners[name]);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const name of names) process.off(name, listeners[name]);
    },
  };
}

/**
 * Whether this process was started so that it outlives its terminal. Node forgets at its start which signals it was to
 * ignore; what is left of nohup is the name of the command that the shell started, and a parent that ignores SIGHUP.
 */
function ignoresHangup(): boolean {
  if (basename(process.env._ ?? "") === "nohup") return true;
  try {
    const status = readFileSync(`/proc/${process.ppid}/status`, "utf8");
    const mask = /^SigIgn:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0";
    return (BigInt(`0x${mask}`) & 1n) === 1n;
  } catch {
    return false;
  }
}

/** Subscribes and hands on every value; rejects if the source or `next` fails. */
export function drive<T>(source: Observable<T>, next: (value: T) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    source.pipe(tap(next)).subscribe({ error: reject, complete: resolve });
  });
}
