import type { RunEvent } from "../replay/events.ts";

/** Something that follows a run and never influences it: it neither throws nor keeps the run waiting. */
export interface Watcher extends AsyncDisposable {
  /** Takes an event, in the order of the run. */
  apply(event: RunEvent): void;
  /** Learns for what the run waits, such as room on the disk, and, by null, that it goes on. */
  wait?(reason: string | null): void;
  /** Learns by which error the run ended, whether or not an event has said so before. */
  fail(error: unknown): void;
}
