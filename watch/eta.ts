import type { Phase, RunEvent } from "../replay/events.ts";
import { order, type PlannedPhase, plannedPhases, type RunPlan } from "./run_plan.ts";

/**
 * Estimates how long a run still takes. A phase is expected to last as long as the last one of its kind; a kind
 * not seen yet, as long as those seen do on average; the current one, in proportion to the steps it has made.
 */
export class Eta {
  readonly #planned: readonly PlannedPhase[];
  readonly #lastedMs = new Map<Phase, number>();
  #current: (PlannedPhase & { readonly startedAtMs: number; share: number }) | undefined;

  constructor(plan: RunPlan) {
    this.#planned = plannedPhases(plan);
  }

  /** Takes note of an event, and of the share (0 to 1) of the current phase that is done. */
  apply(event: RunEvent, share: number): void {
    if (event.type === "phaseStarted") {
      this.#current = { round: event.round, phase: event.phase, startedAtMs: event.atMs, share: 0 };
    } else if (event.type === "phaseFinished") {
      this.#lastedMs.set(event.phase, event.durationMs);
      if (this.#current) this.#current.share = 1;
    } else if (this.#current && share > this.#current.share) {
      this.#current.share = share;
      this.#lastedMs.set(this.#current.phase, (event.atMs - this.#current.startedAtMs) / share);
    }
  }

  /** Milliseconds left, or undefined while nothing was seen to judge by. */
  remainingMs(nowMs: number): number | undefined {
    const current = this.#current;
    if (!current || this.#lastedMs.size === 0) return undefined;
    const later = this.#planned
      .filter((planned) => order(planned) > order(current))
      .reduce((sum, { phase }) => sum + this.#expectedMs(phase), 0);
    const elapsed = nowMs - current.startedAtMs;
    return later + (current.share < 1 ? Math.max(0, this.#expectedMs(current.phase) - elapsed) : 0);
  }

  #expectedMs(phase: Phase): number {
    const seen = [...this.#lastedMs.values()];
    return this.#lastedMs.get(phase) ?? seen.reduce((sum, ms) => sum + ms, 0) / seen.length;
  }
}
