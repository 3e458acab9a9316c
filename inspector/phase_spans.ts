import type { RecordedEvent } from "../replay/restore.ts";
import type { PhaseSpan } from "./answers.ts";

/**
 * Phases as they were played: one that was resumed in its middle, or is superseded from there on, in two stretches; what was
 * cut short ends with the last that was heard of its attempt.
 */
export function spansOf(events: readonly RecordedEvent[]): PhaseSpan[] {
  const spans: Mutable<PhaseSpan>[] = [];
  const lastHeard = new Map<number, number>();
  /** The phase that each attempt is in. */
  const open = new Map<number, Mutable<PhaseSpan>>();
  const end = (attempt: number, endedMs: number) => {
    const span = open.get(attempt);
    if (span) span.endedMs = endedMs;
    open.delete(attempt);
  };
  const begin = (
    { id, attempt, superseded }: RecordedEvent,
    of: Pick<PhaseSpan, "round" | "phase">,
    startedMs: number,
    steps: number,
  ) => {
    end(attempt, startedMs);
    const { round, phase } = of;
    const span = { event: id, attempt, superseded, round, phase, startedMs, endedMs: null, steps };
    spans.push(span);
    open.set(attempt, span);
  };
  for (const recorded of events) {
    const { attempt, superseded, event } = recorded;
    const beforeMs = lastHeard.get(attempt) ?? event.atMs;
    lastHeard.set(attempt, event.atMs);
    if (event.type === "phaseStarted") begin(recorded, event, event.atMs, event.steps);
    else if ("health" in event || event.type === "phaseFinished") {
      const current = open.get(attempt);
      if (current?.phase !== event.phase || current.superseded !== superseded) {
        const planned = spans.findLast(({ round, phase }) => round === event.round && phase === event.phase);
        begin(recorded, event, beforeMs, planned?.steps ?? 0);
      }
    }
    if (event.type === "phaseFinished" || event.type === "runStopped") end(attempt, event.atMs);
  }
  const newest = Math.max(...lastHeard.keys());
  for (const attempt of [...open.keys()])
    if (attempt < newest) end(attempt, lastHeard.get(attempt) as number);
  return spans;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
