import { join } from "node:path";
import {
  catchError,
  concat,
  concatMap,
  defer,
  EMPTY,
  forkJoin,
  type Observable,
  range,
  throwError,
} from "rxjs";
import { VisplayError } from "../common/errors.ts";
import type { ModelsSaved, RunEvent } from "../replay/events.ts";
import { audit } from "./audit.ts";
import type { RunConfig } from "./config.ts";
import { Curriculum } from "./curriculum.ts";
import { curriculumPhase } from "./curriculum_phase.ts";
import { evaluationPhase } from "./evaluation_phase.ts";
import type { Ports } from "./ports.ts";
import { questionerPhase } from "./questioner_phase.ts";
import { reasonerPhase } from "./reasoner_phase.ts";
import { Run } from "./run.ts";

/**
 * Plays a run: in each round the Questioner learns to ask, what it asks becomes a curriculum, and the Reasoner
 * learns from that; before the first round and after each one the Reasoner is evaluated.
 *
 * Cold: every subscription plays anew, and unsubscribing aborts what is under way. Each event is on disk before it
 * is emitted. What goes wrong about one image becomes an event; all else ends the run with an error that names the
 * step, such as "numeric", "disk", or "emptyCurriculum" after three rounds in a row without anything to learn from.
 *
 * The two policies work at the same time wherever the algorithm lets them, as each phase shows in a picture. All of
 * it comes from `pipelined` and from waiting for both, so results never depend on who is faster.
 */
export function play(config: RunConfig, ports: Ports): Observable<RunEvent> {
  return openRun(config, ports).pipe(
    concatMap((run) =>
      concat(start(run), evaluationPhase(run, 0), playRounds(run), finish(run)).pipe(
        catchError((error) => recordFailure(run, error)),
      ),
    ),
  );
}

function playRounds(run: Run): Observable<RunEvent> {
  return defer(() => {
    let emptyRounds = 0;
    return range(1, run.config.rounds).pipe(
      concatMap((round) => {
        const curriculum = new Curriculum(run.ports.truth);
        const learnFromIt = defer(() => {
          emptyRounds = curriculum.items.length > 0 ? 0 : emptyRounds + 1;
          if (emptyRounds > 0) return nothingToLearn(run, round, curriculum, emptyRounds);
          return reasonerPhase(run, round, curriculum.items);
        });
        return concat(
          run.config.questioner.train ? questionerPhase(run, round) : EMPTY,
          curriculumPhase(run, round, curriculum),
          audit(run, round),
          learnFromIt,
          evaluationPhase(run, round),
          save(run, round),
        );
      }),
    );
  });
}

function openRun(config: RunConfig, ports: Ports): Observable<Run> {
  if (config.reasoner.labels === "true" && !ports.truth) {
    const message = 'reasoner.labels: found "true", expected "silver" for images whose truth nobody knows';
    return throwError(() => new VisplayError("config", message));
  }
  const { questioner, reasoner } = ports.policies;
  return forkJoin({ questioner: questioner.info(), reasoner: reasoner.info() }).pipe(
    concatMap((models) => [new Run(config, ports, models)]),
  );
}

function start(run: Run): Observable<RunEvent> {
  const { config, models, ports } = run;
  return run.record([{ type: "runStarted", config, images: ports.images.length, models }]);
}

function finish(run: Run): Observable<RunEvent> {
  return defer(() => {
    const durationMs = run.ports.clock.now() - run.startedMs;
    return run.record([{ type: "runFinished", rounds: run.config.rounds, durationMs }]);
  });
}

/** Rounds in a row that may admit nothing. */
const MAX_EMPTY_ROUNDS = 3;

/** Says why a round has no curriculum; the run goes on without training the Reasoner, but not forever. */
function nothingToLearn(
  run: Run,
  round: number,
  curriculum: Curriculum,
  consecutive: number,
): Observable<RunEvent> {
  const event = curriculum.empty(round, consecutive, run.config.curriculum);
  const ending = `${consecutive} rounds in a row had nothing to learn from; the last one: ${event.message}`;
  return concat(
    run.record([event]),
    consecutive < MAX_EMPTY_ROUNDS ? EMPTY : throwError(() => new VisplayError("emptyCurriculum", ending)),
  );
}

/** Writes both policies as ordinary model folders. */
function save(run: Run, round: number): Observable<RunEvent> {
  const { folder, policies } = run.ports;
  const folders = { questioner: `round-${round}/questioner`, reasoner: `round-${round}/reasoner` };
  const event: ModelsSaved = { type: "modelsSaved", round, folders };
  return forkJoin([
    defer(() => policies.questioner.save(join(folder, folders.questioner))),
    defer(() => policies.reasoner.save(join(folder, folders.reasoner))),
  ]).pipe(concatMap(() => run.record([event])));
}

/** Leaves the reason in the log, if it can still be written, and ends the run. */
function recordFailure(run: Run, error: unknown): Observable<RunEvent> {
  const code = error instanceof VisplayError ? error.code : "internal";
  const message = error instanceof Error ? error.message : String(error);
  return concat(
    run.record([{ type: "runFailed", code, message }]).pipe(catchError(() => EMPTY)),
    throwError(() => error),
  );
}
