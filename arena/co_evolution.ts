import { concatMap, defer, type Observable, range, reduce } from "rxjs";
import { sameVote, trueLabel, type Verdict, vote } from "../reasoner/vote.ts";
import type { AskedFigures, RunEvent } from "../replay/events.ts";
import type { SampledQuestion } from "./co_evolution_sample.ts";
import { samplingOf } from "./config/learning.ts";
import { answer, loadSeen } from "./dialogue.ts";
import { locateErrors } from "./phase.ts";
import type { Run } from "./run.ts";
import { meanScore, meanShare } from "./statistics.ts";
import { Step } from "./step.ts";

/** A question that was answered. */
interface Answered {
  readonly question: string;
  /** What is right; null where it is not known. */
  readonly truth: string | null;
  readonly kind: string | null;
  /** What the base, and what the round's Reasoner voted. */
  readonly base: Verdict;
  readonly reasoner: Verdict;
}

/**
 * The run's base, which does not learn, answers a sample of the round's questions: how hard they are, by a measure that stays
 * the same. Never seen by training, and drawn from random numbers of its own.
 */
export function askBase(run: Run, round: number): Observable<RunEvent> {
  return defer(() => {
    const { sample } = run.progress;
    const { answers } = run.config.coEvolution;
    const step = new Step(run, { round, phase: "curriculum", step: 0, steps: 1 });
    const size = run.config.curriculum.imagesPerChunk;
    return range(0, Math.ceil(sample.length / size)).pipe(
      concatMap((chunk) => answerSome(step, chunk, sample.slice(chunk * size, (chunk + 1) * size))),
      reduce((all, some) => [...all, ...some], [] as Answered[]),
      concatMap((answered) => {
        if (answered.length === 0) return run.record(step.failures);
        const truthKnown = run.ports.truth !== null;
        const figures = { answers, ...figuresOf(answered, truthKnown) };
        return run.record([
          ...step.failures,
          { type: "coEvolution", round, phase: "curriculum", ...figures },
        ]);
      }),
      locateErrors(`round ${round}, the base's answers to its questions`),
    );
  });
}

async function answerSome(
  step: Step,
  chunk: number,
  sample: readonly SampledQuestion[],
): Promise<Answered[]> {
  const { config, ports } = step.run;
  const open = (await loadSeen(step, sample, false)).map(({ item, loaded }) => ({ ...item, ...loaded }));
  const sampling = { ...samplingOf(config.reasoner), temperature: config.curriculum.temperature };
  const options = { ...sampling, samples: config.coEvolution.answers, weights: "reference" } as const;
  const given = await answer(step, open, options, { purpose: "coEvolution", part: chunk });
  return [...given].map(([{ ref, question, verdict }, { answers }]) => {
    const answer = ports.truth?.answer(ref.index, question) ?? null;
    return {
      question,
      truth: answer === null ? null : trueLabel(question, answer),
      kind: ports.truth?.kind(question) ?? null,
      base: vote(answers),
      reasoner: verdict,
    };
  });
}

function figuresOf(answered: readonly Answered[], truthKnown: boolean) {
  const kinds = [...new Set(answered.flatMap(({ kind }) => kind ?? []))].sort();
  const figures = (some: readonly Answered[], who: "base" | "reasoner"): AskedFigures =>
    askedFigures(
      some.map(({ truth, [who]: verdict }) => ({ truth, verdict })),
      truthKnown,
    );
  return {
    base: figures(answered, "base"),
    reasoner: figures(answered, "reasoner"),
    kinds: Object.fromEntries(
      kinds.map((kind) => [
        kind,
        figures(
          answered.filter((each) => each.kind === kind),
          "base",
        ),
      ]),
    ),
  };
}

/** What votes on questions come to; of those that mean something, how right they are. */
function askedFigures(
  votes: readonly { readonly truth: string | null; readonly verdict: Verdict }[],
  truthKnown: boolean,
): AskedFigures {
  const judged = votes.filter(({ truth }) => truth !== null);
  return {
    questions: votes.length,
    confidence: meanShare(votes.map(({ verdict }) => verdict.confidence)),
    judged: truthKnown ? judged.length : null,
    accuracy:
      judged.length === 0 ? null : meanShare(judged.map(({ truth, verdict }) => shareRight(verdict, truth))),
    majority:
      judged.length === 0
        ? null
        : meanScore(judged.map(({ truth, verdict }) => Number(sameVote(verdict.silver, truth)))),
  };
}

/** The share of all answers that voted for the truth. */
function shareRight({ votes, samples }: Verdict, truth: string | null): number {
  const right = votes.filter(({ answer }) => sameVote(answer, truth));
  return right.reduce((sum, { count }) => sum + count, 0) / Math.max(1, samples);
}
