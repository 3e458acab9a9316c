import { concatMap, defer, EMPTY, type Observable, range, reduce } from "rxjs";
import { vote } from "../reasoner/vote.ts";
import type { RunEvent } from "../replay/events.ts";
import { trueLabel } from "./admission.ts";
import { answer, load, type OpenQuestion } from "./dialogue.ts";
import { advancing, naming } from "./phase.ts";
import type { AuditedQuestion } from "./ports.ts";
import type { Run } from "./run.ts";
import { after } from "./run_state.ts";
import { shareOf } from "./statistics.ts";
import { Step } from "./step.ts";

/**
 * Holds the Reasoner's silver answers against true ones, after a round's curriculum and in the way that it is
 * labelled. Never seen by training, and drawn from random numbers of its own.
 */
export function audit(run: Run, round: number): Observable<RunEvent> {
  const { audited = [] } = run.ports;
  if (audited.length === 0) return EMPTY;
  return defer(() => {
    if (run.enter(round, "audit") === null) return EMPTY;
    const step = new Step(run, { round, phase: "curriculum", step: 0, steps: 1 });
    const size = run.config.curriculum.imagesPerChunk;
    return range(0, Math.ceil(audited.length / size)).pipe(
      concatMap((chunk) => examine(step, chunk, audited.slice(chunk * size, (chunk + 1) * size))),
      reduce((all, some) => [...all, ...some], [] as boolean[]),
      concatMap((correct) => {
        const silverCorrect = correct.length === 0 ? null : shareOf(correct, (each) => each);
        const figures = { questions: correct.length, silverCorrect };
        return run.record([...step.failures, { type: "audited", round, phase: "curriculum", ...figures }]);
      }),
      naming(`round ${round}, audit of the silver answers`),
      advancing(run, after(round, "audit")),
    );
  });
}

/** Whether each question that could be asked got the true answer. */
function examine(step: Step, chunk: number, audited: readonly AuditedQuestion[]): Observable<boolean[]> {
  const { curriculum, reasoner } = step.run.config;
  const sampling = { ...reasoner, temperature: curriculum.temperature };
  return load(step, [...new Set(audited.map(({ image }) => image))], false).pipe(
    concatMap((images) => {
      const byIndex = new Map(images.map((loaded) => [loaded.ref.index, loaded]));
      const open = audited.map(({ image, question }): (OpenQuestion | null)[] => {
        const loaded = byIndex.get(image);
        return [loaded ? { ...loaded, question } : null];
      });
      return answer(step, { purpose: "audit", part: chunk }, open, curriculum.answersPerQuestion, sampling);
    }),
    concatMap((answers) => [
      audited.flatMap(({ question, answer: truth }, i) => {
        const given = answers[i]?.[0];
        return given ? [vote(given.answers).silver === trueLabel(question, truth)] : [];
      }),
    ]),
  );
}
