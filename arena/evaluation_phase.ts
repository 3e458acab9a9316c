import { concatMap, defer, EMPTY, type Observable } from "rxjs";
import type { EventBody, RunEvent } from "../replay/events.ts";
import { lastRoundOf } from "./config/stages.ts";
import { untilAborted } from "./from_abortable.ts";
import { enterPhase, locateErrors } from "./phase.ts";
import type { EvaluationUpdate } from "./ports.ts";
import type { Run } from "./run.ts";

/** Measures the Reasoner before the first stage of a run. */
export function evaluateBase(run: Run): Observable<RunEvent> {
  return run.stage.index === 0 ? evaluationPhase(run, 0) : EMPTY;
}

/** Measures the Reasoner after a round: every one, or the last of a stage; round 0 is the base. */
export function evaluationPhase(run: Run, round: number): Observable<RunEvent> {
  const { config, ports } = run;
  const isDue = config.evaluation.everyRound || round === 0 || round === lastRoundOf(run.stage);
  if (!ports.evaluate || !isDue) return EMPTY;

  const place = { round, phase: "evaluation" } as const;
  const eventOf = (update: EvaluationUpdate): EventBody =>
    "report" in update
      ? { type: "evaluated", ...place, ...update }
      : { type: "evaluationProgress", ...place, ...update };
  const { evaluate } = ports;
  const updates = defer(() => evaluate(ports.policies.reasoner, run.answerTools)).pipe(
    untilAborted(ports.stop),
    concatMap((update) => run.record([eventOf(update)])),
    locateErrors(`round ${round}, evaluation`),
  );
  return enterPhase(run, { ...place, steps: 1 }, () => updates);
}
