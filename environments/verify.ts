import { parseChoices } from "../reasoner/choices.ts";
import type { ReadAnswer } from "../reasoner/reasoner.ts";
import { sameVote, trueLabel, voteOf } from "../reasoner/vote.ts";
import { writtenIn } from "../reasoner/written.ts";
import { boxesIn, boxesScore, overlap } from "../rewards/boxes.ts";
import { jsonIn, jsonScore } from "../rewards/json.ts";
import { isWithin, numberIn } from "../rewards/numbers.ts";
import { orderIn, orderScore } from "../rewards/order.ts";
import { itemsIn, setScore } from "../rewards/sets.ts";
import { isNear, similarity } from "../rewards/verifiers.ts";
import type { Action } from "../training/environment.ts";

/** An answer to a question; what it has not is null. */
export interface Given {
  /** The vote that it is. */
  readonly vote: string | null;
  /** The short answer that was read. */
  readonly text: string | null;
  /** As it was written, at any length. */
  readonly written: string | null;
}

/** How an answer is held against the true ones. */
export const verifierNames = [
  "equivalent",
  "relaxed",
  "anls",
  "choice",
  "iou",
  "boxes",
  "set",
  "number",
  "json",
  "order",
] as const;
export type VerifierName = (typeof verifierNames)[number];

/** How answers are judged. */
export interface Judging {
  readonly verifier: VerifierName;
  /** By how much `number` may be off, as a share of the true one. */
  readonly tolerance: number;
}

/** A question with its true answers, any of which is right. */
export interface Labelled {
  readonly question: string;
  readonly truths: readonly string[];
}

/** How right an answer is, 0 to 1; of several true ones, by that which fits best. */
export function score(
  { verifier, tolerance }: Judging,
  given: Given,
  { question, truths }: Labelled,
): number {
  const { of, score } = verifiers[verifier];
  const answer = given[of];
  if (answer === null) return 0;
  return Math.max(0, ...truths.map((truth) => Number(score(answer, truth, { question, tolerance }))));
}

/** Whether a verifier can hold answers against a true one. */
export function canVerify(name: VerifierName, truth: string, question: string): boolean {
  return verifiers[name].reads(truth, question);
}

interface Verifier {
  /** What of an answer it judges. */
  readonly of: keyof Given;
  score(
    answer: string,
    truth: string,
    how: { readonly question: string; readonly tolerance: number },
  ): number | boolean;
  /** Whether it can make anything of a true answer. */
  reads(truth: string, question: string): boolean;
}

/** In characters; a longer answer is never read. */
const shortAnswer = 200;
const isShort = (truth: string): boolean => truth.length <= shortAnswer && jsonIn(truth) === undefined;

const verifiers: Readonly<Record<VerifierName, Verifier>> = {
  equivalent: {
    of: "vote",
    score: (vote, truth, { question }) => sameVote(vote, trueLabel(question, truth)),
    reads: isShort,
  },
  relaxed: { of: "text", score: isNear, reads: isShort },
  anls: { of: "text", score: similarity, reads: isShort },
  choice: {
    of: "vote",
    score: (vote, truth, { question }) => optionOf(vote) === optionOf(trueLabel(question, truth)),
    reads: (_truth, question) => parseChoices(question).length > 0,
  },
  iou: {
    of: "text",
    score: (text, truth) => overlap(text, truth) >= 0.5,
    reads: (truth) => boxesIn(truth)?.length === 1,
  },
  boxes: { of: "written", score: boxesScore, reads: (truth) => boxesIn(truth) !== null },
  set: { of: "written", score: setScore, reads: (truth) => itemsIn(truth).size > 0 },
  number: {
    of: "text",
    score: (text, truth, { tolerance }) => isWithin(text, truth, tolerance),
    reads: (truth) => numberIn(truth) !== null,
  },
  json: { of: "written", score: jsonScore, reads: (truth) => jsonIn(truth) !== undefined },
  order: { of: "written", score: orderScore, reads: (truth) => orderIn(truth).length > 0 },
};

/** The letter or number of the option that a canonical answer chooses; the answer itself where it says none. */
function optionOf(canonical: string): string {
  return /^([a-z])\. /.exec(canonical)?.[1] ?? canonical;
}

/** What an answer gives. */
export function givenBy({ parsed, completion }: ReadAnswer<Action>): Given {
  const vote = voteOf(parsed);
  const { answer } = writtenIn(completion.text, completion.finishReason === "length");
  return { vote, text: parsed.outcome === "answered" ? parsed.answer : vote, written: answer };
}
