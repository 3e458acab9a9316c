import { setImmediate } from "node:timers/promises";
import { VisplayError } from "../../common/errors.ts";

/** Made between two graph runs; throws where the call that they belong to was cancelled. */
export type Pause = () => Promise<void>;

/** Lets messages in, such as the one that cancels, and then looks whether one did. */
export function pauseOf(signal: AbortSignal | undefined): Pause {
  return async () => {
    await setImmediate();
    if (signal?.aborted) throw new VisplayError("cancelled", "the call was cancelled");
  };
}
