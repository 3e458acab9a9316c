import { parseChoices } from "./choices.ts";
import { canonicalAnswer, isAbstention, unanswerable } from "./equivalence.ts";
import type { ParsedAnswer } from "./parse.ts";

/** How often one answer was given. */
export interface Vote {
  /** In canonical form; "unanswerable" for the abstentions. */
  readonly answer: string;
  readonly count: number;
}

/** What m answers to one question amount to. */
export interface Verdict {
  /** The majority's canonical answer, "unanswerable" if most abstained; null without votes. */
  readonly silver: string | null;
  /** Share of the majority among the votes, in [0, 1]; 0 without votes. */
  readonly confidence: number;
  /** Most frequent first, among equals the earlier sampled; the counts sum to `samples - parseFailures`. */
  readonly votes: readonly Vote[];
  /** Votes for "unanswerable", which are one class of their own. */
  readonly abstentions: number;
  /** Answers that did not parse, refusals and placeholders with them; they are never votes. */
  readonly parseFailures: number;
  /** m: all answers. */
  readonly samples: number;
}

/**
 * Counts the votes. A tie falls to the answer that was sampled first: as deterministic as the samples, and
 * unlike an alphabetical order it favours no answer, so that labels don't drift towards one.
 */
export function vote(answers: readonly ParsedAnswer[]): Verdict {
  const counts = new Map<string, number>();
  for (const answer of answers) {
    const ballot = voteOf(answer);
    if (ballot !== null) counts.set(ballot, (counts.get(ballot) ?? 0) + 1);
  }
  const votes = [...counts].map(([answer, count]) => ({ answer, count })).sort((a, b) => b.count - a.count);
  const cast = votes.reduce((sum, { count }) => sum + count, 0);
  return {
    silver: votes[0]?.answer ?? null,
    confidence: (votes[0]?.count ?? 0) / Math.max(1, cast),
    votes,
    abstentions: counts.get(unanswerable) ?? 0,
    parseFailures: answers.length - cast,
    samples: answers.length,
  };
}

/** What an answer votes for; null if it did not parse, or was none. */
export function voteOf(answer: ParsedAnswer): string | null {
  if (answer.outcome === "answered") return answer.canonical;
  return answer.outcome === "abstained" ? unanswerable : null;
}

/** Whether an answer is the silver one; an abstention agrees with "unanswerable", a parse failure with nothing. */
export function agrees(answer: ParsedAnswer, silver: string): boolean {
  return voteOf(answer) === silver;
}

/** Votes for the answer that the asker itself gave to its question; 0 if it gave none. */
export function supportOf(verdict: Verdict, question: string, answer: string | null): number {
  if (answer === null) return 0;
  const choices = parseChoices(question);
  const wanted = isAbstention(answer, choices) ? unanswerable : canonicalAnswer(answer, choices);
  return verdict.votes.find((each) => each.answer === wanted)?.count ?? 0;
}

/** Share of the blind answers' majority if it is the sighted majority too, else 0: high where the image is not needed. */
export function blindAgreement(sighted: Verdict, blind: Verdict): number {
  return blind.silver !== null && blind.silver === sighted.silver ? blind.confidence : 0;
}
