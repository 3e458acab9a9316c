import { unanswerable } from "./abstention.ts";
import { parseChoices } from "./choices.ts";
import { canonicalAnswer, isAbstention } from "./equivalence.ts";
import type { ParsedAnswer } from "./parse.ts";
import { withoutUnit } from "./quantity.ts";

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
  /** Votes of answers that a tool verified; null where nothing could be called. */
  readonly verified: number | null;
}

/** An answer that may vote. */
export interface Ballot {
  readonly parsed: ParsedAnswer;
  /** Whether a tool that was called for it helped; absent where nothing could be called. */
  readonly verified?: boolean;
}

/**
 * Counts the votes. Spelling is no uncertainty: beside canonical forms, which are the same answer to any question,
 * an answer votes for the fuller one of which it is a part (`parts`), "24" for "24 cm", "b" for "b. cat", if the
 * votes hold one such answer only. Where "24 cm" and "24 mm" were given, "24" stands alone. What is merged depends
 * on which answers were given, not on how often or in which order.
 *
 * A tie falls to the answer that was sampled first: as deterministic as the samples, and unlike an alphabetical
 * order it favours no answer, so that labels don't drift towards one.
 */
export function vote(answers: readonly Ballot[]): Verdict {
  const ballots = answers.map(({ parsed }) => voteOf(parsed)).filter((ballot) => ballot !== null);
  const inFull = fullerAmong(ballots);
  const counts = new Map<string, number>();
  for (const ballot of ballots) {
    const answer = inFull(ballot);
    counts.set(answer, (counts.get(answer) ?? 0) + 1);
  }
  const votes = [...counts].map(([answer, count]) => ({ answer, count })).sort((a, b) => b.count - a.count);
  return {
    silver: votes[0]?.answer ?? null,
    confidence: (votes[0]?.count ?? 0) / Math.max(1, ballots.length),
    votes,
    abstentions: counts.get(unanswerable) ?? 0,
    parseFailures: answers.length - ballots.length,
    samples: answers.length,
    verified: answers.some(({ verified }) => verified !== undefined) ? countVerified(answers) : null,
  };
}

function countVerified(answers: readonly Ballot[]): number {
  return answers.filter(({ parsed, verified }) => verified && voteOf(parsed) !== null).length;
}

/** What an answer votes for, in canonical form; null if it did not parse, or was none. */
export function voteOf(answer: ParsedAnswer): string | null {
  if (answer.outcome === "answered") return answer.canonical;
  return answer.outcome === "abstained" ? unanswerable : null;
}

/** Whether two canonical answers to one question would be one answer if they alone were its votes; null is none. */
export function sameVote(a: string | null, b: string | null): boolean {
  if (a === null || b === null) return false;
  const inFull = fullerAmong([a, b]);
  return inFull(a) === inFull(b);
}

/**
 * Whether an answer is the silver, or true, one: whether the two would be one answer in a vote, so that what was
 * counted for a label is also rewarded by it: "24" agrees with the label "24 cm", and "24 mm" does not. An abstention
 * agrees with "unanswerable", a parse failure with nothing.
 */
export function agrees(answer: ParsedAnswer, label: string): boolean {
  return sameVote(voteOf(answer), label);
}

/** Votes for the answer that the asker itself gave to its question; 0 if it gave none. */
export function supportOf(verdict: Verdict, question: string, answer: string | null): number {
  if (answer === null) return 0;
  const choices = parseChoices(question);
  const wanted = isAbstention(answer, choices) ? unanswerable : canonicalAnswer(answer, choices);
  const inFull = fullerAmong([wanted, ...verdict.votes.map((each) => each.answer)]);
  return verdict.votes.find((each) => inFull(each.answer) === inFull(wanted))?.count ?? 0;
}

/** Share of the blind answers' majority if it is the sighted majority too, else 0: high where the image is not needed. */
export function blindAgreement(sighted: Verdict, blind: Verdict): number {
  return sameVote(blind.silver, sighted.silver) ? blind.confidence : 0;
}

/**
 * How much surer the sighted majority is with the image than without it, c(image) - c(blank): its share of the sighted votes
 * less its share of the blind ones; high where the image is needed, and never above the confidence.
 */
export function imageEvidence(sighted: Verdict, blind: Verdict): number {
  const { silver, confidence } = sighted;
  if (silver === null) return 0;
  const inFull = fullerAmong([silver, ...blind.votes.map(({ answer }) => answer)]);
  const same = blind.votes.filter(({ answer }) => inFull(answer) === inFull(silver));
  const votes = same.reduce((sum, { count }) => sum + count, 0);
  return confidence - votes / Math.max(1, blind.samples - blind.parseFailures);
}

/** The only fullest answer among those given of which one is a part, or the answer itself. */
function fullerAmong(ballots: Iterable<string>): (ballot: string) => string {
  const fuller = new Map<string, string[]>();
  for (const ballot of new Set(ballots)) {
    for (const part of parts(ballot)) fuller.set(part, [...(fuller.get(part) ?? []), ballot]);
  }
  const inFull = (ballot: string): string => {
    const [only, another] = new Set((fuller.get(ballot) ?? []).map(inFull));
    return only !== undefined && another === undefined ? only : ballot;
  };
  return inFull;
}

/** What a shorter answer may give of a canonical one: the number without its unit, an option's letter, its text. */
function parts(canonical: string): string[] {
  const [, letter, text] = /^([a-z])\. (.+)$/.exec(canonical) ?? [];
  if (letter && text) return [letter, text];
  const value = withoutUnit(canonical);
  return value === null ? [] : [value];
}

/** A true answer in the form that votes have. */
export function trueLabel(question: string, answer: string): string {
  return canonicalAnswer(answer, parseChoices(question));
}
