import { catchError, concat, concatMap, defer, map, type Observable, throwError } from "rxjs";
import { VisplayError } from "../common/errors.ts";
import type { EventBody, Phase, RunEvent } from "../replay/events.ts";
import { pipelined } from "./pipelined.ts";
import type { Run } from "./run.ts";
import { Step } from "./step.ts";

/** Which phase of a run, and in how many steps. */
export interface PhasePlace {
  readonly round: number;
  readonly phase: Phase;
  readonly steps: number;
}

/** A phase as a row of steps. While one is played, the next is prepared. */
export interface PhasePlan<P> extends PhasePlace {
  /** What a step needs that doesn't depend on the step before; emits once, and may go on working. */
  prepare(step: Step): Observable<P>;
  /** What happened in the step, which is recorded as a whole; emits once. */
  play(step: Step, prepared: P): Observable<readonly EventBody[]>;
  /** What the phase comes to, once all steps are recorded. */
  conclude?(): readonly EventBody[];
}

/** Plays a phase; each step's events are on disk before the next step is played. */
export function playPhase<P>(run: Run, plan: PhasePlan<P>): Observable<RunEvent> {
  const { round, phase, steps } = plan;
  const prepare = (index: number) => {
    const step = new Step(run, { round, phase, step: index, steps });
    return defer(() => plan.prepare(step)).pipe(
      map((prepared) => ({ step, prepared })),
      naming(step.name),
    );
  };
  const play = ({ step, prepared }: { step: Step; prepared: P }) =>
    defer(() => {
      step.begin();
      return plan.play(step, prepared);
    }).pipe(
      concatMap((events) => run.record([...step.failures, ...events])),
      naming(step.name),
    );
  return framed(run, plan, pipelined(steps, prepare, play), () => plan.conclude?.() ?? []);
}

/** A phase's events between one that says that it starts and one that says how long it took. */
export function framed(
  run: Run,
  { round, phase, steps }: PhasePlace,
  events: Observable<RunEvent>,
  conclude: () => readonly EventBody[] = () => [],
): Observable<RunEvent> {
  return defer(() => {
    const startedMs = run.ports.clock.now();
    const finish = defer(() => {
      const durationMs = run.ports.clock.now() - startedMs;
      return run.record([...conclude(), { type: "phaseFinished", round, phase, durationMs }]);
    });
    return concat(run.record([{ type: "phaseStarted", round, phase, steps }]), events, finish);
  });
}

/** Says in an error where it struck. */
export function naming<T>(where: string): (source: Observable<T>) => Observable<T> {
  return catchError((cause) =>
    throwError(() => {
      const message = `${where}: ${cause?.message ?? cause}`;
      return cause instanceof VisplayError
        ? new VisplayError(cause.code, message, { cause })
        : new Error(message, { cause });
    }),
  );
}
