import { join } from "node:path";
import { concatMap, defer, EMPTY, from, type Observable } from "rxjs";
import type { ModelsSaved, RunEvent } from "../replay/events.ts";
import { lastRoundOf, modelFolder, stagesOf } from "./config/stages.ts";
import { advanceTo } from "./phase.ts";
import type { Run } from "./run.ts";

/** Writes the policies of a stage, after one of its rounds, as ordinary model folders. */
export function saveModels(run: Run, round: number): Observable<RunEvent> {
  return defer(() => {
    if (run.enter(round, "save") === null) return EMPTY;
    const folders = Object.fromEntries(run.roles.map((role) => [role, modelFolder(round, role)]));
    const event: ModelsSaved = { type: "modelsSaved", round, folders };
    const save = async (): Promise<void> => {
      const paths = run.roles.map(
        (role) => [role, join(run.ports.folder, modelFolder(round, role))] as const,
      );
      await Promise.all(paths.map(([role, path]) => run.policy(role).save(path)));
      const next = stagesOf(run.config)[run.stage.index + 1];
      if (next && round === lastRoundOf(run.stage)) await run.ports.pinStart(next);
    };
    return from(save()).pipe(
      concatMap(() => run.record([event])),
      advanceTo(run, run.after(round, "save")),
    );
  });
}
