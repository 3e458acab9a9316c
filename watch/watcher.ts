import type { RunEvent } from "../replay/events.ts";

/** Something that follows a run and never influences it: it neither throws nor keeps the run waiting. */
export interface Watcher extends AsyncDisposable {
  /** Takes an event, in the order of the run. */
  apply(event: RunEvent): void;
  /** Learns by which error the run ended, whether or not an event has said so before. */
  fail(error: unknown): void;
}
