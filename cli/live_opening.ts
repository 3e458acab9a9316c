import { LiveLine } from "./live_line.ts";
import type { Opening } from "./run_images.ts";

/** Tells of an opening until it is disposed: what is going on in a live line, from `doing` on, and above it what stays. */
export function liveOpening(signal: AbortSignal, doing = ""): Opening & Disposable {
  let shown = doing;
  const line = new LiveLine(() => shown);
  return {
    signal,
    say: (text) => line.say(text),
    show: (text) => {
      shown = text;
    },
    [Symbol.dispose]: () => line[Symbol.dispose](),
  };
}
