import { join } from "node:path";
import {
  catchError,
  concat,
  concatMap,
  defer,
  EMPTY,
  finalize,
  from,
  type Observable,
  range,
  throwError,
} from "rxjs";
import { failureOf, VisplayError } from "../common/errors.ts";
import { release } from "../common/release.ts";
import type { PolicyInfo } from "../policy/port.ts";
import type { EventBody, ModelsSaved, RunEvent } from "../replay/events.ts";
import { legs, type Role, roles } from "../replay/self_play.ts";
import { audit } from "./audit.ts";
import { checkpoint } from "./checkpoints/checkpoint.ts";
import type { RunConfig } from "./config/config.ts";
import { emptyEvent, itemCount } from "./curriculum.ts";
import { curriculumPhase } from "./curriculum_phase.ts";
import { evaluationPhase } from "./evaluation_phase.ts";
import { formatTrial } from "./format_trial.ts";
import { advanceTo } from "./phase.ts";
import type { Ports } from "./ports.ts";
import { questionerPhase } from "./questioner_phase.ts";
import { reasonerPhase } from "./reasoner_phase.ts";
import { Run } from "./run.ts";
import { after, type RunState } from "./run_state.ts";
import { warmUpPhase } from "./warm_up.ts";

/**
 * Plays a run: in each round the Questioner learns to ask, what it asks becomes a curriculum, and the Reasoner
 * learns from that; before the first round and after each one the Reasoner is evaluated. At its very beginning it is
 * tried whether the policies' completions can be read, and a warm-up may teach them the form. With `saved`, what an
 * earlier play left of it, exactly as that one would have gone on.
 *
 * Cold: every subscription plays anew, and unsubscribing aborts what is under way. Each event is on disk before it
 * is emitted. What goes wrong about one image becomes an event; all else ends the run with an error that names the
 * step, such as "numeric", "disk", or "emptyCurriculum" after three rounds in a row without anything to learn from.
 * `ports.stop` ends it with a checkpoint and the error "cancelled".
 *
 * The two policies work at the same time wherever the algorithm lets them, as each phase shows in a picture: by
 * `pipeline`, or by waiting for both, so that results never depend on who is faster.
 */
export function play(config: RunConfig, ports: Ports, saved: SavedRun | null = null): Observable<RunEvent> {
  return openRun(config, ports, saved).pipe(
    concatMap((run) =>
      concat(
        begin(run, saved),
        formatTrial(run),
        evaluationPhase(run, 0),
        warmUpPhase(run),
        playRounds(run),
        finish(run),
      ).pipe(
        catchError((error) => {
          run.abort();
          return isStop(run, error) ? stop(run, error) : recordFailure(run, error);
        }),
        finalize(() => run.abort()),
      ),
    ),
  );
}

/** A state to go on from, with the folders in which `Policy.saveState` left the policies. */
export interface SavedRun {
  readonly id: string;
  readonly state: RunState;
  readonly folders: Readonly<Record<Role, string>>;
}

function playRounds(run: Run): Observable<RunEvent> {
  return range(1, run.config.rounds).pipe(
    concatMap((round) =>
      concat(
        run.config.questioner.train ? questionerPhase(run, round) : EMPTY,
        curriculumPhase(run, round),
        audit(run, round),
        learnFromCurriculum(run, round),
        evaluationPhase(run, round),
        save(run, round),
      ),
    ),
  );
}

function openRun(config: RunConfig, ports: Ports, saved: SavedRun | null): Observable<Run> {
  if (config.reasoner.labels === "true" && !ports.truth) {
    const message = 'reasoner.labels: found "true", expected "silver" for images whose truth nobody knows';
    return throwError(() => new VisplayError("config", message));
  }
  return defer(async () => {
    const models = await infosOf(ports);
    if (saved === null) return new Run(config, ports, { models, versions: steps(models), state: null });
    await Promise.all(roles.map((role) => ports.policies[role].loadState(saved.folders[role])));
    const versions = steps(await infosOf(ports));
    return new Run(config, ports, { models, versions, state: saved.state });
  });
}

async function infosOf({ policies }: Ports): Promise<Record<Role, PolicyInfo>> {
  const [questioner, reasoner] = await Promise.all([policies.questioner.info(), policies.reasoner.info()]);
  return { questioner, reasoner };
}

function steps({ questioner, reasoner }: Readonly<Record<Role, PolicyInfo>>): Record<Role, number> {
  return { questioner: questioner.version, reasoner: reasoner.version };
}

function begin(run: Run, saved: SavedRun | null): Observable<RunEvent> {
  const { config, models, ports } = run;
  const images = ports.images.length;
  const started: EventBody = { type: "runStarted", release, config, images, models };
  if (saved === null) return run.record([started]).pipe(advanceTo(run, { round: 0, leg: legs[0], step: 0 }));
  const resumed: EventBody = {
    type: "runResumed",
    release,
    config,
    images,
    checkpoint: saved.id,
    ...saved.state.next,
  };
  if (saved.state.replay > 0) return run.record([resumed]);
  // A fork: its log begins here.
  return run.record([started, resumed]).pipe(advanceTo(run, saved.state.next));
}

function finish(run: Run): Observable<RunEvent> {
  return defer(() =>
    run.record([
      {
        type: "runFinished",
        rounds: run.config.rounds,
        durationMs: run.playedMs,
        updates: { questioner: run.updates("questioner"), reasoner: run.updates("reasoner") },
      },
    ]),
  );
}

/** The Reasoner phase, or why there is none. */
function learnFromCurriculum(run: Run, round: number): Observable<RunEvent> {
  return defer(() => {
    const { curriculum } = run.progress;
    return itemCount(curriculum) === 0 ? recordEmpty(run, round) : reasonerPhase(run, round);
  });
}

/** Rounds in a row that may admit nothing. */
const MAX_EMPTY_ROUNDS = 3;

/** Says why a round has no curriculum; the run goes on without training the Reasoner, but not forever. */
function recordEmpty(run: Run, round: number): Observable<RunEvent> {
  if (run.enter(round, "reasoner") === null) return EMPTY;
  const { curriculum, emptyRounds } = run.progress;
  const consecutive = emptyRounds + 1;
  const event = emptyEvent(curriculum, round, consecutive, run.config.curriculum);
  const ending = `${consecutive} rounds in a row had nothing to learn from; the last one: ${event.message}`;
  return concat(
    run.record([event]),
    defer(() => {
      if (consecutive >= MAX_EMPTY_ROUNDS) throw new VisplayError("emptyCurriculum", ending);
      return EMPTY;
    }),
  ).pipe(advanceTo(run, after(round, "reasoner")));
}

/** Writes both policies as ordinary model folders. */
function save(run: Run, round: number): Observable<RunEvent> {
  return defer(() => {
    if (run.enter(round, "save") === null) return EMPTY;
    const { folder, policies } = run.ports;
    const folders = { questioner: `round-${round}/questioner`, reasoner: `round-${round}/reasoner` };
    const event: ModelsSaved = { type: "modelsSaved", round, folders };
    const written = Promise.all(roles.map((role) => policies[role].save(join(folder, folders[role]))));
    return from(written).pipe(
      concatMap(() => run.record([event])),
      advanceTo(run, after(round, "save")),
    );
  });
}

function isStop(run: Run, error: unknown): boolean {
  return run.ports.stop.aborted && error instanceof VisplayError && error.code === "cancelled";
}

/**
 * Saves what was done before the run was told to stop, unless there is no room for it or it could not be recorded, and
 * says who stopped it.
 */
function stop(run: Run, error: unknown): Observable<RunEvent> {
  const ifPossible = (last: Observable<RunEvent>) =>
    last.pipe(catchError((failure) => (isStop(run, failure) ? EMPTY : throwError(() => failure))));
  const save = defer(() => run.isAhead()).pipe(
    concatMap((isAhead) => (isAhead ? EMPTY : checkpoint(run, true))),
  );
  const { reason } = run.ports.stop;
  return concat(
    ifPossible(save),
    ifPossible(run.record([{ type: "runStopped" }])),
    throwError(() => (reason instanceof VisplayError ? reason : error)),
  );
}

/** Leaves the reason in the log, if it can still be written, and ends the run. */
function recordFailure(run: Run, error: unknown): Observable<RunEvent> {
  return concat(
    run.record([{ type: "runFailed", ...failureOf(error) }]).pipe(catchError(() => EMPTY)),
    throwError(() => error),
  );
}
