import { isDeepStrictEqual } from "node:util";
import { VisplayError } from "../common/errors.ts";
import { inParallel } from "../common/in_parallel.ts";
import { zip } from "../common/zip.ts";
import { clearView } from "../images/clear_views.ts";
import { blank, type RgbImage } from "../images/image.ts";
import { shrinkTarget } from "../images/scaling.ts";
import type { Fit } from "../images/shrink.ts";
import type { ImageFile, ImageSource, Picture } from "../images/source.ts";
import { view } from "../images/views.ts";
import type { SamplingOptions } from "../policy/port.ts";
import type { AskedQuestion, AskedQuestions, Questioner } from "../questioner/questioner.ts";
import type { AnswerOptions } from "../reasoner/reasoner.ts";
import type { SeenImage } from "../replay/events.ts";
import type { Answerer, GivenAnswers } from "./answerer.ts";
import type { Models } from "./run.ts";
import type { Purpose, Step } from "./step.ts";

/** An image in memory and which it is. */
export interface LoadedImage {
  readonly ref: SeenImage;
  readonly image: RgbImage;
}

/** A question that is put to the Reasoner. */
export interface OpenQuestion extends LoadedImage {
  readonly question: string;
}

/** A question as it was asked, and as the Reasoner gets it; null for a malformed one. */
export interface Question extends AskedQuestion {
  readonly open: OpenQuestion | null;
}

/** What was asked about one image, [G]. */
export interface Asked extends LoadedImage, Pick<AskedQuestions, "prompt"> {
  readonly questions: readonly Question[];
}

/** Images decoded at the same time. */
const DECODERS = 4;

/**
 * What images are scaled down to as they are loaded: what every policy would make of them first, so that none sees
 * another pixel. Where they differ, images stay whole.
 */
export function fitTo(models: Models): Fit {
  return (size) => {
    const [target = null, ...others] = Object.values(models).map(({ scaling }) =>
      shrinkTarget(scaling, size),
    );
    return others.every((other) => isDeepStrictEqual(target, other)) ? target : null;
  };
}

/** What is known of a picture that was seen before. */
interface OfPicture {
  readonly image: SeenImage;
}

/**
 * Items with their pictures in memory, as by `load`; one whose picture shows something else by now is noted and left out: what
 * is known is not about that.
 */
export async function loadSeen<I extends OfPicture>(
  step: Step,
  items: readonly I[],
  recorded = true,
): Promise<{ readonly item: I; readonly loaded: LoadedImage }[]> {
  const images = await load(step, [...new Set(items.map(({ image }) => image.index))], recorded);
  const byIndex = new Map(images.map((loaded) => [loaded.ref.index, loaded]));
  return items.flatMap((item) => {
    const loaded = byIndex.get(item.image.index);
    if (loaded?.ref.id === item.image.id) return [{ item, loaded }];
    if (loaded) step.fail("load", item.image, new VisplayError("images", anotherPicture));
    return [];
  });
}

const anotherPicture = "it shows another picture than the one that its question was asked about";

/**
 * Decodes images, in the order given, whole where tools may look at them; one that cannot be used is noted and left out.
 * `recorded` is false where no event of the step will name them.
 */
export async function load(
  step: Step,
  indices: readonly number[],
  recorded = true,
  source: ImageSource = step.run.ports.images,
): Promise<LoadedImage[]> {
  const fit: Fit = step.run.answerTools ? () => null : fitTo(step.run.models);
  const open = async (index: number): Promise<Picture> => {
    const { image, file } = await source.load(index, fit);
    return { image, file: recorded && !step.run.holds(file) ? await inMemory(file) : file };
  };
  const attempts = await inParallel(indices, DECODERS, (index) =>
    open(index).then(
      (picture) => ({ index, picture, error: null }),
      (error: unknown) => ({ index, picture: null, error }),
    ),
  );
  // In the order given, whoever was faster; so are the failures noted.
  return attempts.flatMap(({ index, picture, error }) => {
    const ref = { index, name: source.name(index) };
    if (!picture) {
      step.fail("load", ref, error);
      return [];
    }
    if (recorded) step.keep(picture.file);
    return [{ ref: { ...ref, id: picture.file.id }, image: picture.image }];
  });
}

/** The file as it is now; by the time that it is recorded there may be another in its place. */
export async function inMemory(file: ImageFile): Promise<ImageFile> {
  const bytes = await file.bytes();
  return { ...file, bytes: async () => bytes };
}

/** The `k`-th view of an image, in which it is learnt from: in a run, its views are always the same. */
export function viewOf({ run }: Step, image: RgbImage, k: number): Promise<RgbImage> {
  return view(image, k, run.seed("views"), run.signal);
}

/** The `k`-th clear view of an image, in which it is labelled; see `viewOf`. */
export function clearViewOf({ run }: Step, image: RgbImage, k: number): Promise<RgbImage> {
  return clearView(image, k, run.seed("views"), run.signal);
}

/** The Questioner asks about images, all in one call; one for which that fails is noted and left out. */
export async function ask(
  step: Step,
  images: readonly LoadedImage[],
  options: Omit<SamplingOptions, "seed">,
  questioner: Questioner = step.run.questioner,
  purpose: Purpose = { purpose: "ask" },
): Promise<Asked[]> {
  const askAll = (part: readonly LoadedImage[], seed: number, signal: AbortSignal) =>
    questioner.ask(
      part.map(({ image }) => image),
      { ...options, seed },
      signal,
    );
  const asked = await step.sample({ ...purpose, during: "ask" }, images, askAll);
  return zip(images, asked).flatMap(([{ ref, image }, about]) => {
    if (!about) return [];
    step.count(about.questions);
    const questions = about.questions.map((each): Question => {
      const { parsed } = each;
      return { ...each, open: parsed.ok ? { ref, image, question: parsed.question } : null };
    });
    return [{ ref, image, prompt: about.prompt, questions }];
  });
}

/**
 * The Reasoner answers questions, all in one call; one for which that fails is noted and has no answers. Those of each
 * question are found under the question itself.
 */
export async function answer<Q extends OpenQuestion>(
  step: Step,
  questions: readonly Q[],
  options: Omit<AnswerOptions, "seed">,
  purpose: Purpose,
  reasoner: Answerer = step.run.reasoner,
): Promise<Map<Q, GivenAnswers>> {
  const answerAll = (part: readonly Q[], seed: number, signal: AbortSignal) =>
    reasoner.answer(part, { ...options, seed }, signal);
  const given = await step.sample({ ...purpose, during: "answer" }, questions, answerAll);
  const answers = new Map<Q, GivenAnswers>();
  for (const [question, all] of zip(questions, given)) {
    if (!all) continue;
    step.count(all.answers);
    answers.set(question, all);
  }
  return answers;
}

/** Questions about pictures that are shown in place of their own, each made once. */
export async function withOtherPictures<Q extends OpenQuestion>(
  questions: readonly Q[],
  show: (image: RgbImage) => RgbImage | Promise<RgbImage>,
): Promise<(Q & { readonly original: Q })[]> {
  const pictures = new Map<RgbImage, RgbImage>();
  for (const { image } of questions) if (!pictures.has(image)) pictures.set(image, await show(image));
  return questions.map((original) => {
    return { ...original, image: pictures.get(original.image) as RgbImage, original };
  });
}

/** The same about pictures that are shown in place of the questions' own, each made once. */
export async function answerOtherPictures<Q extends OpenQuestion>(
  step: Step,
  questions: readonly Q[],
  show: (image: RgbImage) => RgbImage | Promise<RgbImage>,
  options: Omit<AnswerOptions, "seed">,
  purpose: Purpose,
): Promise<Map<Q, GivenAnswers>> {
  const shown = await withOtherPictures(questions, show);
  const given = await answer(step, shown, options, purpose);
  return new Map([...given].map(([{ original }, answers]) => [original, answers]));
}

/** The same about blank pictures; nothing where no samples are wanted. */
export async function answerBlindly<Q extends OpenQuestion>(
  step: Step,
  questions: readonly Q[],
  options: Omit<AnswerOptions, "seed">,
  purpose: Purpose,
): Promise<Map<Q, GivenAnswers>> {
  return options.samples === 0 ? new Map() : answerOtherPictures(step, questions, blank, options, purpose);
}
