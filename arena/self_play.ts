import { concat, concatMap, defer, EMPTY, type Observable, range } from "rxjs";
import { VisplayError } from "../common/errors.ts";
import type { RunEvent } from "../replay/events.ts";
import { audit } from "./audit.ts";
import { emptyEvent, itemCount } from "./curriculum.ts";
import { curriculumPhase } from "./curriculum_phase.ts";
import { evaluateBase, evaluationPhase } from "./evaluation_phase.ts";
import { formatTrial } from "./format_trial.ts";
import { advanceTo } from "./phase.ts";
import { questionerPhase } from "./questioner_phase.ts";
import { reasonerPhase } from "./reasoner_phase.ts";
import type { Run } from "./run.ts";
import { saveModels } from "./save_models.ts";
import { warmUpPhase } from "./warm_up.ts";

/**
 * Rounds of self-play: in each the Questioner learns to ask, what it asks becomes a curriculum, and the Reasoner learns
 * from that. Before the first it is tried whether the policies' completions can be read, and a warm-up may teach them
 * the form.
 *
 * The two policies work at the same time wherever the algorithm lets them, as each phase shows in a picture: by
 * `pipeline`, or by waiting for both, so that results never depend on who is faster.
 */
export function selfPlay(run: Run): Observable<RunEvent> {
  const { config, stage } = run;
  const rounds = range(stage.before + 1, stage.rounds).pipe(
    concatMap((round) =>
      concat(
        config.questioner.train ? questionerPhase(run, round) : EMPTY,
        curriculumPhase(run, round),
        audit(run, round),
        learnFromCurriculum(run, round),
        evaluationPhase(run, round),
        saveModels(run, round),
      ),
    ),
  );
  return concat(formatTrial(run), evaluateBase(run), warmUpPhase(run), rounds);
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
  ).pipe(advanceTo(run, run.after(round, "reasoner")));
}
