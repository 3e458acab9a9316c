import {
  catchError,
  concat,
  concatMap,
  defer,
  EMPTY,
  ignoreElements,
  type MonoTypeOperatorFunction,
  merge,
  type Observable,
  of,
  throwError,
} from "rxjs";
import { VisplayError } from "../common/errors.ts";
import type { EventBody, RunEvent } from "../replay/events.ts";
import { checkpoint } from "./checkpoints/checkpoint.ts";
import { pipeline } from "./pipeline.ts";
import type { Run } from "./run.ts";
import type { Position } from "./run_state.ts";
import { type PhasePlace, Step } from "./step.ts";

/** A phase as a row of steps. While one is played, the next is prepared. */
export interface PhasePlan<P> extends PhasePlace {
  /** What a step needs that doesn't depend on the step before. */
  prepare(step: Step): Promise<P>;
  /** What can be done ahead with that, which the step itself does not wait for. */
  ahead?(step: Step, prepared: P): Promise<unknown>;
  /** The step; what happened in it is recorded as a whole. */
  play(step: Step, prepared: P): Promise<readonly EventBody[]>;
  /** What comes before the first step. */
  begin?(): Observable<RunEvent>;
  /** What comes before a step is played, recorded by itself: nothing where an earlier play has recorded it. */
  before?(step: Step): Observable<RunEvent>;
  /** The same after the last step. */
  after?(): Observable<RunEvent>;
  /** What the phase comes to, once all steps are recorded. */
  conclude?(): readonly EventBody[];
}

/** Plays what is left of a phase; each step's events are on disk before the next step is played. */
export function playPhase<P>(run: Run, plan: PhasePlan<P>): Observable<RunEvent> {
  const { round, phase, steps } = plan;
  const prepare = (index: number) => {
    const step = new Step(run, { round, phase, step: index, steps });
    return defer(() => plan.prepare(step)).pipe(
      concatMap((prepared) => {
        const ahead = defer(() => plan.ahead?.(step, prepared) ?? EMPTY);
        return merge(of({ step, prepared }), ahead.pipe(ignoreElements()));
      }),
      locateErrors(step.name),
    );
  };
  const play = ({ step, prepared }: { step: Step; prepared: P }) =>
    concat(
      plan.before?.(step) ?? EMPTY,
      defer(() => {
        step.begin();
        return plan.play(step, prepared);
      }).pipe(concatMap((events) => run.record([...step.failures, ...events], step.images))),
    ).pipe(locateErrors(step.name), advanceTo(run, run.at(round, phase, step.place.step + 1)));
  return enterPhase(run, plan, (first) =>
    concat(
      (first === 0 && plan.begin?.()) || EMPTY,
      pipeline(steps - first, (index) => prepare(first + index), play),
      plan.after?.() ?? EMPTY,
      defer(() => run.record(plan.conclude?.() ?? [])),
    ),
  );
}

/**
 * What is left of a phase, between an event that says that it starts and one that says how long it took. `events`
 * begins at a step, later than the first where the phase was interrupted; nothing happens in one that is over.
 */
export function enterPhase(
  run: Run,
  { round, phase, steps }: PhasePlace,
  events: (first: number) => Observable<RunEvent>,
): Observable<RunEvent> {
  return defer(() => {
    const first = run.enter(round, phase);
    if (first === null) return EMPTY;
    const start: EventBody[] = first === 0 ? [{ type: "phaseStarted", round, phase, steps }] : [];
    const finish = defer(() => {
      const figures = run.alarms.figures();
      return run.record([{ type: "phaseFinished", round, phase, durationMs: run.phaseMs, figures }]);
    }).pipe(advanceTo(run, run.after(round, phase)));
    return concat(run.record(start), events(first), finish);
  });
}

/** Once all of a source is recorded, the run stands further on, and is saved if that is due. */
export function advanceTo(run: Run, next: Position): MonoTypeOperatorFunction<RunEvent> {
  return (source) =>
    concat(
      source,
      defer(() => {
        run.advance(next);
        return checkpoint(run);
      }),
    );
}

/** Says in an error where it struck. */
export function locateErrors<T>(where: string): (source: Observable<T>) => Observable<T> {
  return catchError((cause) =>
    throwError(() => {
      const message = `${where}: ${cause?.message ?? cause}`;
      return cause instanceof VisplayError
        ? new VisplayError(cause.code, message, { cause })
        : new Error(message, { cause });
    }),
  );
}
