import { concatMap, from, map, type Observable, of, range, toArray } from "rxjs";
import type { GivenAnswers } from "../reasoner/reasoner.ts";
import { answer, type OpenQuestion, viewOf } from "./dialogue.ts";
import type { Step } from "./step.ts";

/**
 * The Reasoner's answers to questions, [images][G], as many in every view of an image, view by view: what other light
 * and noise change was no knowledge. Null stands for no question, and for one that was not answered in every view.
 */
export function votes(
  step: Step,
  open: readonly (readonly (OpenQuestion | null)[])[],
): Observable<(GivenAnswers | null)[][]> {
  const { curriculum: config, reasoner } = step.run.config;
  const sampling = { ...reasoner, temperature: config.temperature };
  const samples = config.answersPerQuestion / config.views;
  // One view after the other, so that memory holds the images once more and not several times.
  const inTurn = range(0, config.views).pipe(
    concatMap((k) =>
      inView(step, open, k).pipe(
        concatMap((shown) => answer(step, { purpose: "answer", part: k }, shown, samples, sampling)),
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
function inView(
  step: Step,
  open: readonly (readonly (OpenQuestion | null)[])[],
  k: number,
): Observable<(OpenQuestion | null)[][]> {
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
