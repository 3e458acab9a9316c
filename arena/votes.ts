import { blank, type RgbImage } from "../images/image.ts";
import type { GivenAnswers } from "../reasoner/reasoner.ts";
import { blindAgreement, type Verdict, vote } from "../reasoner/vote.ts";
import { answer, type OpenQuestion, type Purpose, samplingOf, viewOf } from "./dialogue.ts";
import { mean } from "./statistics.ts";
import type { Step } from "./step.ts";

/** What the Reasoner makes of one question of a curriculum. */
export interface Poll {
  readonly given: GivenAnswers;
  readonly verdict: Verdict;
  /** What it answers without the image, and how far that agrees with the verdict; null where nobody asked blindly. */
  readonly blind: { readonly given: GivenAnswers; readonly agreement: number } | null;
}

/**
 * Has the Reasoner vote on questions as a curriculum is labelled; one that was not answered in every view has no poll.
 * `part` counts the calls of one purpose in a step.
 */
export async function poll<Q extends OpenQuestion>(
  step: Step,
  questions: readonly Q[],
  { purpose, part = 0 }: Purpose,
): Promise<Map<Q, Poll>> {
  const [sighted, blind] = await Promise.all([
    inAllViews(step, questions, { purpose, part }),
    blindly(step, questions, { purpose: `${purpose}Blind`, part }),
  ]);
  return new Map(
    [...sighted].map(([question, given]) => [question, pollOf(given, blind.get(question) ?? null)]),
  );
}

function pollOf(given: GivenAnswers, blind: GivenAnswers | null): Poll {
  const verdict = vote(given.answers);
  const agreement = blind ? blindAgreement(verdict, vote(blind.answers)) : 0;
  return { given, verdict, blind: blind && { given: blind, agreement } };
}

/** Answers to the same questions about blank images; none where nobody asks so. */
async function blindly<Q extends OpenQuestion>(
  step: Step,
  questions: readonly Q[],
  purpose: Purpose,
): Promise<Map<Q, GivenAnswers>> {
  const { curriculum, reasoner } = step.run.config;
  const samples = curriculum.gate.blindAnswersPerQuestion;
  if (samples === 0) return new Map();
  const sampling = { ...samplingOf(reasoner), temperature: curriculum.temperature };
  const shown = await showing(questions, async (image) => blank(image));
  return ofOriginals(await answer(step, shown, { ...sampling, samples }, purpose));
}

/**
 * The Reasoner's answers to questions, as many in every view of an image, view by view: what other light and noise change
 * was no knowledge.
 */
async function inAllViews<Q extends OpenQuestion>(
  step: Step,
  questions: readonly Q[],
  { purpose, part = 0 }: Purpose,
): Promise<Map<Q, GivenAnswers>> {
  const { curriculum: config, reasoner } = step.run.config;
  const sampling = { ...samplingOf(reasoner), temperature: config.temperature };
  const samples = config.answersPerQuestion / config.views;
  const views: Map<Q, GivenAnswers>[] = [];
  // One view after the other, so that memory holds the images once more and not several times.
  for (let k = 0; k < config.views; k++) {
    const shown = await showing(questions, (image) => viewOf(step, image, k));
    const call = { purpose, part: part * config.views + k };
    views.push(ofOriginals(await answer(step, shown, { ...sampling, samples }, call)));
  }
  return new Map(
    questions.flatMap((question) => {
      const given = views.flatMap((view) => view.get(question) ?? []);
      const [first] = given;
      if (!first || given.length < views.length) return [];
      return [
        [question, { prompt: first.prompt, answers: given.flatMap(({ answers }) => answers) }] as const,
      ];
    }),
  );
}

/** A question about a picture that is shown in place of its own. */
type Shown<Q> = OpenQuestion & { readonly original: Q };

/** The questions about other pictures, each made once. */
async function showing<Q extends OpenQuestion>(
  questions: readonly Q[],
  show: (image: RgbImage) => Promise<RgbImage>,
): Promise<Shown<Q>[]> {
  const pictures = new Map<RgbImage, RgbImage>();
  for (const { image } of questions) if (!pictures.has(image)) pictures.set(image, await show(image));
  return questions.map((original) => ({
    ...original,
    image: pictures.get(original.image) as RgbImage,
    original,
  }));
}

function ofOriginals<Q>(given: ReadonlyMap<Shown<Q>, GivenAnswers>): Map<Q, GivenAnswers> {
  return new Map([...given].map(([{ original }, answers]) => [original, answers]));
}

/** The mean confidence of verdicts; null where nobody cast a vote. */
export function meanConfidence(verdicts: readonly Pick<Verdict, "silver" | "confidence">[]): number | null {
  if (verdicts.every(({ silver }) => silver === null)) return null;
  return mean(verdicts.map(({ confidence }) => confidence));
}
