import { RandomStream } from "../common/random.ts";
import { zip } from "../common/zip.ts";
import { Describer } from "../reasoner/describer.ts";
import type { Answer } from "../reasoner/reasoner.ts";
import { agrees, sameVote, trueLabel } from "../reasoner/vote.ts";
import type { AttributionRecord } from "../replay/events.ts";
import {
  attribute,
  type CheckedLook,
  type Checks,
  checkDescriptions,
  lookAgain,
  type SecondLook,
} from "./attribution.ts";
import { askingChecker, asksTruth, checkersOf, viewsChecker } from "./checkers.ts";
import type { OpenQuestion } from "./dialogue.ts";
import type { Step } from "./step.ts";
import type { Truth } from "./truth.ts";

/**
 * Looks again at the pictures of some questions, `attribution.share` of them at random: the Reasoner describes them and
 * answers from that alone, and the descriptions are checked, by the truth where that is known. None for one that could not be asked.
 */
export async function lookAtSome<Q extends OpenQuestion>(
  step: Step,
  questions: readonly Q[],
  truth: Truth | null,
): Promise<Map<Q, CheckedLook>> {
  const { attribution, curriculum, reasoner } = step.run.config;
  const { policies, templates } = step.run.ports;
  const draws = new RandomStream(step.seed("attribution.chosen", 0));
  const chosen = questions.filter(() => draws.uniform() < attribution.share);
  const describer = new Describer(policies.reasoner, templates);
  const options = {
    samples: attribution.samples,
    temperature: curriculum.temperature,
    maxTokens: reasoner.maxTokens,
  };
  const call = (some: readonly Q[], seed: number, signal: AbortSignal) =>
    lookAgain(describer, some, { ...options, seed }, signal);
  const looks = await step.sample({ purpose: "attribution", during: "answer" }, chosen, call);
  const looked = zip(chosen, looks).flatMap(([asked, look]) => (look ? [{ asked, look }] : []));
  for (const { look } of looked) step.count(look.concluded);
  const checks = await checksOf(step, describer, looked, truth);
  return new Map(zip(looked, checks).map(([{ asked, look }, known]) => [asked, { ...look, checks: known }]));
}

interface Looked {
  readonly asked: OpenQuestion;
  readonly look: SecondLook;
}

/** What is known of the descriptions: by the truth, or by who checks where nobody knows it. */
function checksOf(
  step: Step,
  describer: Describer,
  looked: readonly Looked[],
  truth: Truth | null,
): Promise<Checks[]> {
  const { attribution, reasoner } = step.run.config;
  const { reference, encode, checkers: named } = step.run.ports;
  const described = looked.map(({ asked: { ref, image, question }, look: { description } }) => {
    const knows = asksTruth(attribution.checker) && description !== null;
    const shows = knows ? (truth?.shows(ref.index, question, description) ?? null) : null;
    return { image, question, description, truth: shows };
  });
  const { views } = attribution.checker;
  const seen = { views, maxTokens: reasoner.maxTokens, seed: step.run.config.seed };
  const checkers = checkersOf(attribution.checker, {
    named,
    base: askingChecker("base", reference, encode),
    views: viewsChecker(describer, seen),
  });
  const isOpen = described.some(({ description, truth }) => description !== null && truth === null);
  if (!isOpen) return checkDescriptions(described, []);
  return step.time("verification", (signal) => checkDescriptions(described, checkers, signal));
}

/** Answers to a question that was looked at again. */
interface AnsweredQuestion extends OpenQuestion {
  /** The silver answer. */
  readonly label: string;
  readonly answers: readonly Answer[];
}

/** Where each answer went wrong, [m]: by the truth where it is known, else by the silver answer. */
export function causesOf(
  step: Step,
  { ref, question, label, answers }: AnsweredQuestion,
  look: CheckedLook,
): AttributionRecord[] {
  const known = step.run.ports.truth?.answer(ref.index, question) ?? null;
  const right = known === null ? label : trueLabel(question, known);
  const standard = {
    by: known === null ? ("consensus" as const) : ("truth" as const),
    isRight: (vote: string | null) => sameVote(vote, right),
    passes: step.run.config.attribution.checker.passes,
  };
  return answers.map(({ parsed }) => attribute(look, standard, agrees(parsed, right)));
}
