import { concatMap, forkJoin, from, map, type Observable, of, range, toArray } from "rxjs";
import { blank } from "../images/image.ts";
import type { GivenAnswers } from "../reasoner/reasoner.ts";
import { blindAgreement, type Verdict, vote } from "../reasoner/vote.ts";
import { answer, type OpenQuestion, viewOf } from "./dialogue.ts";
import { mean } from "./statistics.ts";
import type { SamplingCall, Step } from "./step.ts";

/** What the Reasoner makes of one question of a curriculum. */
export interface Poll {
  readonly given: GivenAnswers;
  readonly verdict: Verdict;
  /** What it answers without the image, and how far that agrees with the verdict; null where nobody asked blindly. */
  readonly blind: { readonly given: GivenAnswers; readonly agreement: number } | null;
}

/** Questions about images, [images][G]; null stands for none. */
type Questions = readonly (readonly (OpenQuestion | null)[])[];

/**
 * Has the Reasoner vote on questions, [images][G], as a curriculum is labelled. Null stands for no question, and for
 * one that was not answered in every view. `part` counts the calls of one purpose in a step.
 */
export function poll(
  step: Step,
  open: Questions,
  { purpose, part = 0 }: Omit<SamplingCall, "during">,
): Observable<(Poll | null)[][]> {
  const { temperature, gate } = step.run.config.curriculum;
  const sampling = { ...step.run.config.reasoner, temperature };
  const blindly = { purpose: `${purpose}Blind`, part };
  const blind = gate.blindAnswersPerQuestion;
  return forkJoin({
    sighted: votes(step, open, { purpose, part }),
    blind: blind > 0 ? answer(step, blindly, open.map(blinded), blind, sampling) : of([]),
  }).pipe(
    map(({ sighted, blind }) =>
      open.map((questions, i) =>
        questions.map((_, j) => pollOf(sighted[i]?.[j] ?? null, blind[i]?.[j] ?? null)),
      ),
    ),
  );
}

function pollOf(given: GivenAnswers | null, blind: GivenAnswers | null): Poll | null {
  if (!given) return null;
  const verdict = vote(given.answers);
  const agreement = blind ? blindAgreement(verdict, vote(blind.answers)) : 0;
  return { given, verdict, blind: blind && { given: blind, agreement } };
}

/** The same questions about one image, blanked. */
function blinded(questions: readonly (OpenQuestion | null)[]): (OpenQuestion | null)[] {
  const [first] = questions.flatMap((question) => question ?? []);
  if (!first) return questions.map(() => null);
  const image = blank(first.image);
  return questions.map((question) => question && { ...question, image });
}

/**
 * The Reasoner's answers to questions, [images][G], as many in every view of an image, view by view: what other light
 * and noise change was no knowledge.
 */
function votes(
  step: Step,
  open: Questions,
  { purpose, part = 0 }: Omit<SamplingCall, "during">,
): Observable<(GivenAnswers | null)[][]> {
  const { curriculum: config, reasoner } = step.run.config;
  const sampling = { ...reasoner, temperature: config.temperature };
  const samples = config.answersPerQuestion / config.views;
  // One view after the other, so that memory holds the images once more and not several times.
  const inTurn = range(0, config.views).pipe(
    concatMap((k) =>
      inView(step, open, k).pipe(
        concatMap((shown) => {
          const call = { purpose, part: part * config.views + k };
          return answer(step, call, shown, samples, sampling);
        }),
      ),
    ),
  );
  return inTurn.pipe(
    toArray(),
    map((views) =>
      open.map((questions, i) =>
        questions.map((_, j) => joined(views.map((answers) => answers[i]?.[j] ?? null))),
      ),
    ),
  );
}

/** The same questions about the `k`-th views of their images. */
function inView(step: Step, open: Questions, k: number): Observable<(OpenQuestion | null)[][]> {
  return from(open).pipe(
    concatMap((questions) => {
      const image = questions.find((question) => question !== null)?.image;
      if (!image) return of(questions.map(() => null));
      return viewOf(step, image, k).pipe(
        map((shown) => questions.map((question) => question && { ...question, image: shown })),
      );
    }),
    toArray(),
  );
}

/** All answers to one question; null where a view was not answered. */
function joined(views: readonly (GivenAnswers | null)[]): GivenAnswers | null {
  const given = views.filter((each) => each !== null);
  const [first] = given;
  if (!first || given.length < views.length) return null;
  return {
    prompt: first.prompt,
    completions: given.flatMap(({ completions }) => completions),
    answers: given.flatMap(({ answers }) => answers),
  };
}

/** The mean confidence of verdicts; null where nobody cast a vote. */
export function meanConfidence(verdicts: readonly Pick<Verdict, "silver" | "confidence">[]): number | null {
  if (verdicts.every(({ silver }) => silver === null)) return null;
  return mean(verdicts.map(({ confidence }) => confidence));
}
