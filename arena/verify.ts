import type { ParsedAnswer } from "../reasoner/parse.ts";
import { sameVote, voteOf } from "../reasoner/vote.ts";
import { isNear, overlap, similarity } from "../rewards/verifiers.ts";
import { trueLabel } from "./admission.ts";
import type { VerifierName } from "./config/evaluation.ts";
import type { Test } from "./ports.ts";

/** An answer to a question: as it was written, and the vote that it is. */
export interface Given {
  readonly text: string;
  readonly vote: string;
}

/** How right an answer is, 0 to 1; of several true ones, by that which fits best. */
export function score(name: VerifierName, given: Given | null, { question, truths }: Test): number {
  if (given === null) return 0;
  return Math.max(0, ...truths.map((truth) => verifiers[name](given, truth, question)));
}

const verifiers: Readonly<Record<VerifierName, (given: Given, truth: string, question: string) => number>> = {
  equivalent: ({ vote }, truth, question) => Number(sameVote(vote, trueLabel(question, truth))),
  relaxed: ({ text }, truth) => Number(isNear(text, truth)),
  anls: ({ text }, truth) => similarity(text, truth),
  choice: ({ vote }, truth, question) => Number(optionOf(vote) === optionOf(trueLabel(question, truth))),
  iou: ({ text }, truth) => Number(overlap(text, truth) >= 0.5),
};

/** The letter or number of the option that a canonical answer chooses; the answer itself where it says none. */
function optionOf(canonical: string): string {
  return /^([a-z])\. /.exec(canonical)?.[1] ?? canonical;
}

/** What an answer gives; null where it gives none. */
export function givenBy(answer: ParsedAnswer): Given | null {
  const vote = voteOf(answer);
  if (vote === null) return null;
  return { text: answer.outcome === "answered" ? answer.answer : vote, vote };
}
