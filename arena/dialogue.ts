import { isDeepStrictEqual } from "node:util";
import { catchError, defer, from, map, mergeMap, type Observable, of, toArray } from "rxjs";
import type { RgbImage } from "../images/image.ts";
import { shrinkTarget } from "../images/scaling.ts";
import type { Fit } from "../images/shrink.ts";
import { view } from "../images/views.ts";
import type { AskedQuestions } from "../questioner/questioner.ts";
import type { GivenAnswers } from "../reasoner/reasoner.ts";
import type { SeenImage } from "../replay/events.ts";
import type { SamplingConfig } from "./config/learning.ts";
import { fromAbortable } from "./from_abortable.ts";
import type { Run } from "./run.ts";
import type { SamplingCall, Step } from "./step.ts";

/** An image in memory and which it is. */
export interface LoadedImage {
  readonly ref: SeenImage;
  readonly image: RgbImage;
}

/** What was asked about one image. */
export interface Asked extends AskedQuestions {
  readonly ref: SeenImage;
}

/** A question that is put to the Reasoner. */
export interface OpenQuestion extends LoadedImage {
  readonly question: string;
}

/** The questions about one image as the Reasoner gets them, [G]; null for a malformed one. */
export function openQuestions({ ref, image, questions }: Asked): (OpenQuestion | null)[] {
  return questions.map((parsed) => (parsed.ok ? { ref, image, question: parsed.question } : null));
}

/** Images decoded at the same time. */
const DECODERS = 4;

/**
 * What images are scaled down to as they are loaded: what both policies would make of them first, so that neither sees
 * another pixel. Where the two differ, images stay whole.
 */
function fitTo({ questioner, reasoner }: Run["models"]): Fit {
  return (size) => {
    const [target, other] = [questioner, reasoner].map(({ scaling }) => shrinkTarget(scaling, size));
    return target && isDeepStrictEqual(target, other) ? target : null;
  };
}

/**
 * Decodes images, in the order given; one that cannot be used is noted and left out. `recorded` is false where no event
 * of the step will name them.
 */
export function load(step: Step, indices: readonly number[], recorded = true): Observable<LoadedImage[]> {
  const source = step.run.ports.images;
  const attempt = (index: number, order: number) =>
    defer(() => source.load(index, fitTo(step.run.models))).pipe(
      map((picture) => ({ order, index, picture, error: null })),
      catchError((error: unknown) => of({ order, index, picture: null, error })),
    );
  return from(indices).pipe(
    mergeMap(attempt, DECODERS),
    toArray(),
    map((attempts) =>
      // In the order given, whoever was faster; so are the failures noted.
      attempts
        .sort((a, b) => a.order - b.order)
        .flatMap(({ index, picture, error }) => {
          const ref = { index, name: source.name(index) };
          if (picture) {
            if (recorded) step.keep(picture.file);
            return [{ ref: { ...ref, id: picture.file.id }, image: picture.image }];
          }
          step.fail("load", ref, error);
          return [];
        }),
    ),
  );
}

/** The `k`-th view of an image: in a run, its views are always the same. */
export function viewOf({ run }: Step, image: RgbImage, k: number): Observable<RgbImage> {
  return fromAbortable((signal) => view(image, k, run.seed("views"), signal));
}

/** The Questioner asks about images, all in one call; one for which that fails is noted and left out. */
export function ask(
  step: Step,
  images: readonly LoadedImage[],
  groupSize: number,
  sampling: SamplingConfig,
): Observable<Asked[]> {
  const { temperature, topK, topP, maxTokens } = sampling;
  const options = { groupSize, temperature, topK, topP, maxTokens };
  const askAll = (part: readonly LoadedImage[], seed: number, signal: AbortSignal) =>
    step.run.questioner.ask(
      part.map(({ image }) => image),
      { ...options, seed },
      signal,
    );
  return step
    .sample({ during: "ask", purpose: "ask" }, images, askAll)
    .pipe(map((asked) => images.flatMap(({ ref }, i) => (asked[i] ? [{ ...asked[i], ref }] : []))));
}

/**
 * The Reasoner answers questions, [images][G], all in one call. Null stands for no question, and in the result,
 * which has the same shape, for no answer; a question for which the call fails is noted.
 */
export function answer(
  step: Step,
  call: Omit<SamplingCall, "during">,
  questions: readonly (readonly (OpenQuestion | null)[])[],
  samples: number,
  sampling: SamplingConfig,
): Observable<(GivenAnswers | null)[][]> {
  const { temperature, topK, topP, maxTokens } = sampling;
  const options = { samples, temperature, topK, topP, maxTokens };
  const open = questions.flat().filter((question) => question !== null);
  const answerAll = (part: readonly OpenQuestion[], seed: number, signal: AbortSignal) =>
    step.run.reasoner.answer(part, { ...options, seed }, signal);
  return step.sample({ ...call, during: "answer" }, open, answerAll).pipe(
    map((answers) => {
      const remaining = answers.values();
      return questions.map((group) => group.map((question) => question && (remaining.next().value ?? null)));
    }),
  );
}
