import { setImmediate } from "node:timers/promises";
import type { Clock } from "../../arena/ports.ts";
import { VisplayError } from "../../common/errors.ts";

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

/** A clock that stands still until all work has come to rest, and then jumps to the next one who sleeps. */
export class VirtualTime implements Clock {
  #nowMs = 0;
  readonly #sleepers = new Set<Sleeper>();

  now(): number {
    return this.#nowMs;
  }

  /** Rejects with "cancelled" when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const wake = () => {
        signal?.removeEventListener("abort", cancel);
        resolve();
      };
      const sleeper = { atMs: this.#nowMs + ms, wake };
      const cancel = () => {
        this.#sleepers.delete(sleeper);
        reject(new VisplayError("cancelled", "aborted"));
      };
      this.#sleepers.add(sleeper);
      signal?.addEventListener("abort", cancel);
    });
  }

  /** Lets time pass until nobody sleeps any more, or until a moment. */
  async run(untilMs: number = Number.POSITIVE_INFINITY): Promise<void> {
    for (;;) {
      await settle();
      const [next] = [...this.#sleepers].sort((a, b) => a.atMs - b.atMs);
      if (!next || next.atMs > untilMs) break;
      this.#sleepers.delete(next);
      this.#nowMs = next.atMs;
      next.wake();
    }
    if (Number.isFinite(untilMs)) this.#nowMs = untilMs;
  }
}

/** Waits until everything that needs no time has happened. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 60; turn++) await setImmediate();
}
