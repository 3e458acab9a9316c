import type { RunConfig } from "../arena/config/config.ts";
import type { QuestionerStep, RunEvent } from "../replay/events.ts";
import type { Phase } from "../replay/stages.ts";
import { orderOf, type PhaseOfRound, type PlannedPhase, plannedPhases } from "./planned_phases.ts";
import { roundTokens } from "./round_tokens.ts";

const once: readonly string[] = ["trial", "warmUp"] satisfies Phase[];

interface CurrentPhase extends PhaseOfRound {
  readonly startedAtMs: number;
  /** The share that was done then: above 0 in a phase that was resumed. */
  readonly startedAt: number;
  share: number;
}

/**
 * Estimates how long a run still takes. A phase is expected to last as long as the last one of its kind; a kind
 * not seen yet, as long as its tokens take in the Questioner's last step, or before that as those seen do on average,
 * without those that come only once, which are like no other; the current one, in proportion to the steps it has made.
 * After a phase that was not planned, those that were go on where they were before it.
 */
export class Eta {
  readonly #config: RunConfig;
  readonly #planned: readonly PlannedPhase[];
  /** Images of the run, once it says how many. */
  #pool = Number.POSITIVE_INFINITY;
  readonly #lastedMs = new Map<string, number>();
  #guessedMs: Readonly<Record<string, number>> = {};
  #current: CurrentPhase | undefined;
  /** The planned phases that come after the last of them that began. */
  #later: readonly PlannedPhase[];

  constructor(config: RunConfig) {
    this.#config = config;
    this.#planned = plannedPhases(config);
    this.#later = this.#planned;
  }

  /** A phase starts, or goes on after so much of it (0 to 1). */
  begin({ round, phase }: PhaseOfRound, atMs: number, share = 0): void {
    const at = this.#planned.findIndex((planned) => planned.round === round && planned.phase === phase);
    const begun = orderOf({ round, phase });
    if (at >= 0) this.#later = this.#planned.slice(at + 1);
    else if (begun !== null) this.#later = this.#planned.filter((planned) => (orderOf(planned) ?? 0) > begun);
    this.#current = { round, phase, startedAtMs: atMs, startedAt: share, share };
  }

  /** Takes note of an event, and of the share (0 to 1) of the current phase that is done. */
  apply(event: RunEvent, share: number): void {
    if (event.type === "runStarted" || event.type === "runResumed") this.#pool = event.images ?? this.#pool;
    if (event.type === "questionerStep" && event.sampledTokens > 0) this.#guess(event);
    if (event.type === "phaseFinished") {
      this.#lastedMs.set(event.phase, event.durationMs);
      if (this.#current) this.#current.share = 1;
    } else if (this.#current && share > this.#current.share) {
      this.#current.share = share;
      const { phase, startedAtMs, startedAt } = this.#current;
      this.#lastedMs.set(phase, (event.atMs - startedAtMs) / (share - startedAt));
    }
  }

  /** Milliseconds left, or undefined while nothing was seen to judge by. */
  remainingMs(nowMs: number): number | undefined {
    const current = this.#current;
    if (!current) return undefined;
    const later = this.#later.reduce((sum, { phase }) => sum + this.#expectedMs(phase), 0);
    const elapsed = nowMs - current.startedAtMs;
    const own = this.#expectedMs(current.phase) * (1 - current.startedAt) - elapsed;
    const left = current.share === 1 ? later : later + Math.max(0, own);
    return Number.isNaN(left) ? undefined : left;
  }

  #guess(step: QuestionerStep): void {
    const { curriculum, reasoner } = roundTokens(this.#config, this.#pool, step);
    const msPerToken = step.durationMs / step.sampledTokens;
    this.#guessedMs = { curriculum: curriculum * msPerToken, reasoner: reasoner * msPerToken };
  }

  /** NaN where nothing was seen to judge by. */
  #expectedMs(phase: string): number {
    const seen = [...this.#lastedMs].filter(([kind]) => !once.includes(kind));
    const mean = seen.reduce((sum, [, ms]) => sum + ms, 0) / seen.length;
    return this.#lastedMs.get(phase) ?? this.#guessedMs[phase] ?? mean;
  }
}
