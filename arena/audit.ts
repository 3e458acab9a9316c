import { concat, concatMap, defer, EMPTY, type Observable, range, reduce } from "rxjs";
import { sameVote, trueLabel } from "../reasoner/vote.ts";
import type { RunEvent } from "../replay/events.ts";
import { admit } from "./admission.ts";
import { askBase } from "./co_evolution.ts";
import { load } from "./dialogue.ts";
import { advanceTo, locateErrors } from "./phase.ts";
import type { AuditedQuestion } from "./ports.ts";
import type { Run } from "./run.ts";
import { shareOf } from "./statistics.ts";
import { Step } from "./step.ts";
import { poll } from "./votes.ts";

/** An audited question that could be asked. */
interface Examined {
  readonly admitted: boolean;
  readonly correct: boolean;
}

/** What a round's curriculum is held against; training sees none of it. */
export function audit(run: Run, round: number): Observable<RunEvent> {
  return defer(() => {
    const audits = [
      ...((run.ports.audited ?? []).length > 0 ? [auditLabels(run, round)] : []),
      ...(run.progress.sample.length > 0 ? [askBase(run, round)] : []),
    ];
    if (audits.length === 0 || run.enter(round, "audit") === null) return EMPTY;
    return concat(...audits).pipe(advanceTo(run, run.after(round, "audit")));
  });
}

/**
 * Holds the Reasoner's silver answers against true ones, after a round's curriculum, labelled and admitted as that is:
 * what counts is how many of those admitted are true. Drawn from random numbers of its own.
 */
function auditLabels(run: Run, round: number): Observable<RunEvent> {
  const { audited = [] } = run.ports;
  return defer(() => {
    const step = new Step(run, { round, phase: "curriculum", step: 0, steps: 1 });
    const size = run.config.curriculum.imagesPerChunk;
    return range(0, Math.ceil(audited.length / size)).pipe(
      concatMap((chunk) => examine(step, chunk, audited.slice(chunk * size, (chunk + 1) * size))),
      reduce((all, some) => [...all, ...some], [] as Examined[]),
      concatMap((asked) => {
        const admitted = asked.filter((each) => each.admitted);
        const silverCorrect = admitted.length === 0 ? null : shareOf(admitted, ({ correct }) => correct);
        const figures = { questions: asked.length, admitted: admitted.length, silverCorrect };
        return run.record([...step.failures, { type: "audited", round, phase: "curriculum", ...figures }]);
      }),
      locateErrors(`round ${round}, audit of the silver answers`),
    );
  });
}

async function examine(step: Step, chunk: number, audited: readonly AuditedQuestion[]): Promise<Examined[]> {
  const { curriculum } = step.run.config;
  const images = await load(step, [...new Set(audited.map(({ image }) => image))], false);
  const byIndex = new Map(images.map((loaded) => [loaded.ref.index, loaded]));
  const open = audited.flatMap(({ image, question, answer: truth }) => {
    const loaded = byIndex.get(image);
    return loaded ? [{ ...loaded, question, truth }] : [];
  });
  const polls = await poll(step, open, { purpose: "audit", part: chunk });
  return [...polls].map(([{ question, truth }, { verdict, blind }]) => ({
    admitted: admit(verdict, curriculum, blind).rejection === null,
    correct: sameVote(verdict.silver, trueLabel(question, truth)),
  }));
}
