import { concatMap, defer, EMPTY, from, type Observable } from "rxjs";
import type { RunEvent } from "../../replay/events.ts";
import type { Run } from "../run.ts";

/** Saves where the run stands, if enough steps were made since the last time, a round is over, or it is `forced`. */
export function checkpoint(run: Run, forced = false): Observable<RunEvent> {
  const { checkpoints, policies, clock } = run.ports;
  if (!checkpoints || !(forced || run.checkpointDue)) return EMPTY;
  return defer(() => {
    const state = run.state();
    const startedMs = clock.now();
    return from(checkpoints.save(state, policies)).pipe(
      concatMap(({ id, bytes }) => {
        run.noteSaved();
        const { round } = state.next;
        const durationMs = clock.now() - startedMs;
        return run.record([{ type: "checkpointSaved", round, id, bytes, durationMs }]);
      }),
    );
  });
}
