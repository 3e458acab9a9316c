import {
  catchError,
  concat,
  concatAll,
  concatMap,
  defer,
  EMPTY,
  finalize,
  map,
  type Observable,
  of,
  throwError,
} from "rxjs";
import { failureOf, VisplayError } from "../common/errors.ts";
import { release } from "../common/release.ts";
import type { EventBody, RunEvent, SuiteBefore } from "../replay/events.ts";
import type { Role } from "../replay/self_play.ts";
import { stages } from "../replay/stages.ts";
import { checkpoint } from "./checkpoints/checkpoint.ts";
import type { RunConfig } from "./config/config.ts";
import { allRounds, lastRoundOf, type Stage, stagesOf } from "./config/stages.ts";
import { emptyCurriculum } from "./curriculum.ts";
import { environmentPhase } from "./environment_phase.ts";
import { evaluateBase, evaluationPhase } from "./evaluation_phase.ts";
import { requireFloors } from "./floors.ts";
import { advanceTo } from "./phase.ts";
import type { Players, RunPorts } from "./ports.ts";
import { type Models, Run } from "./run.ts";
import { beginningOf, type RunState, stageAt } from "./run_state.ts";
import { saveModels } from "./save_models.ts";
import { selfPlay } from "./self_play.ts";
import { sftPhase } from "./sft_phase.ts";

/**
 * Plays a run, stage by stage; each starts from the Reasoner that the one before made, which is what its KL holds its
 * policies to. Before the first stage and after rounds the Reasoner is evaluated. With `saved`, what an earlier play
 * left of the run, exactly as that one would have gone on.
 *
 * Cold: every subscription plays anew, and unsubscribing aborts what is under way. Each event is on disk before it
 * is emitted. What goes wrong about one image becomes an event; all else ends the run with an error that names the
 * step, such as "numeric", "disk", "emptyCurriculum" after three rounds in a row without anything to learn from, or
 * "belowFloor" after a stage that does not come to what it requires. `ports.stop` ends it with a checkpoint and the
 * error "cancelled".
 */
export function play(
  config: RunConfig,
  ports: RunPorts,
  saved: SavedRun | null = null,
): Observable<RunEvent> {
  return defer(() => {
    requireTruth(config, ports);
    return openStage(config, stageAt(config, saved?.state.next ?? null), ports, saved);
  }).pipe(concatMap((run) => playFrom(run, begin(run, saved))));
}

/** A state to go on from, with the folders in which `Policy.saveState` left the policies of its stage. */
export interface SavedRun {
  readonly id: string;
  readonly state: RunState;
  readonly folders: Readonly<Record<Role, string>>;
}

/** All of a stage, by its kind. */
function playStage(run: Run): Observable<RunEvent> {
  const { config } = run.stage;
  switch (config.kind) {
    case "self_play":
      return selfPlay(run);
    case "grpo":
    case "environment":
      return learnInOneRound(run, environmentPhase(run, config));
    case "sft":
      return learnInOneRound(run, sftPhase(run, config));
  }
}

/** The one round of a stage that is no self-play. */
function learnInOneRound(run: Run, phase: Observable<RunEvent>): Observable<RunEvent> {
  const round = lastRoundOf(run.stage);
  return concat(evaluateBase(run), phase, evaluationPhase(run, round), saveModels(run, round));
}

/** A run from where it stands in a stage to its end. */
function playFrom(run: Run, beginning: Observable<RunEvent>): Observable<RunEvent> {
  const { stage, config } = run;
  const next = stagesOf(config)[stage.index + 1];
  const events = concat(beginning, playStage(run), requireFloors(run), next ? EMPTY : finish(run));
  const own = events.pipe(
    catchError((error) => {
      run.abort();
      return isStop(run, error) ? stop(run, error, saveBehind(run)) : recordFailure(run, error);
    }),
    finalize(() => run.abort()),
  );
  return concat(own, next ? handOver(run, next) : EMPTY);
}

/** The next stage, on the model that this one made. */
function handOver(run: Run, next: Stage): Observable<RunEvent> {
  const { config, ports } = run;
  return defer(() => openStage(config, next, ports, { state: stateBefore(next, run) })).pipe(
    map((later) => playFrom(later, EMPTY)),
    catchError((error) => of(isStop(run, error) ? stop(run, error, EMPTY) : recordFailure(run, error))),
    concatAll(),
  );
}

/** What a stage takes over of the run's state: all but what was about the policies of the one before. */
function stateBefore(next: Stage, run: Run): RunState {
  return {
    ...run.state(),
    next: beginningOf(next),
    updatesBefore: run.allUpdates,
    warmUpSteps: run.config.warmUp.steps ?? 0,
    curriculum: emptyCurriculum,
    emptyRounds: 0,
    safety: null,
    suiteBefore: suiteBefore(run),
    widening: null,
  };
}

/** What a stage made, as its suite has it. */
function suiteBefore({ stage, progress: { safety } }: Run): SuiteBefore | null {
  return safety && { stage: stage.name, success: safety.best.success };
}

async function openStage(
  config: RunConfig,
  stage: Stage,
  ports: RunPorts,
  from: (Pick<SavedRun, "state"> & Partial<Pick<SavedRun, "folders">>) | null,
): Promise<Run> {
  const players = await ports.open(stage);
  const models = await modelsOf(players, stage);
  const { folders, state = null } = from ?? {};
  if (folders) {
    const { roles } = stages[stage.config.kind];
    await Promise.all(roles.map((role) => players.policies[role]?.loadState(folders[role])));
  }
  const now = folders ? await modelsOf(players, stage) : models;
  const versions = Object.fromEntries(Object.entries(now).map(([role, { version }]) => [role, version]));
  return new Run(config, stage, { ...ports, ...players }, { models, versions, state });
}

async function modelsOf({ policies }: Players, { config: { kind } }: Stage): Promise<Models> {
  const infos = stages[kind].roles.map(async (role) => [role, await policies[role]?.info()] as const);
  return Object.fromEntries(await Promise.all(infos));
}

function requireTruth({ reasoner }: RunConfig, { truth }: RunPorts): void {
  if (reasoner.labels === "silver" || truth) return;
  const message = 'reasoner.labels: found "true", expected "silver" for images whose truth nobody knows';
  throw new VisplayError("config", message);
}

function begin(run: Run, saved: SavedRun | null): Observable<RunEvent> {
  const { config, models, ports } = run;
  const images = ports.images.length;
  const started: EventBody = { type: "runStarted", release, config, images, models };
  if (saved === null) return run.record([started]).pipe(advanceTo(run, run.beginning));
  const { round, leg, step } = saved.state.next;
  const resumed: EventBody = {
    type: "runResumed",
    release,
    config,
    images,
    checkpoint: saved.id,
    round,
    leg,
    step,
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
        rounds: allRounds(run.config),
        durationMs: run.playedMs,
        updates: run.allUpdates,
      },
    ]),
  );
}

function isStop(run: Run, error: unknown): boolean {
  return run.ports.stop.aborted && error instanceof VisplayError && error.code === "cancelled";
}

/** Saves what was done, unless it could not be recorded. */
function saveBehind(run: Run): Observable<RunEvent> {
  return defer(() => run.isAhead()).pipe(concatMap((isAhead) => (isAhead ? EMPTY : checkpoint(run, true))));
}

/**
 * Saves what was done before the run was told to stop, unless there is no room for it, and says who stopped it.
 */
function stop(run: Run, error: unknown, save: Observable<RunEvent>): Observable<RunEvent> {
  const ifPossible = (last: Observable<RunEvent>) =>
    last.pipe(catchError((failure) => (isStop(run, failure) ? EMPTY : throwError(() => failure))));
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
