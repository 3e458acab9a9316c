import { exitCodes } from "../common/errors.ts";

/**
 * A signal that aborts on the first SIGINT or SIGTERM, so that work can be put away; the second ends the
 * process at once. Dispose it when the work is done.
 */
export function interruptible(say: (message: string) => void): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(exitCodes.cancelled);
    say("stopping; once more to stop at once");
    controller.abort();
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
