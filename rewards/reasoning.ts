import { contentWords, wordsOf } from "./words.ts";

/** What is known of the thinking before an answer. */
export interface Chain {
  /** What stands before the answer; "" where nothing does. */
  readonly text: string;
  readonly question: string;
  /** What the answer rests on, by the names that it goes by: what the question asks about, tools that were called. */
  readonly used: readonly string[];
}

/** A chain's parts, each from 0 to 1, and their product. */
export interface Reasoning {
  readonly total: number;
  readonly parts: {
    /** Whether a chain is there; less than 1 where it has fewer than 8 words. */
    readonly chain: number;
    /** The share of its runs of three words that are there for the first time, and not taken from the question. */
    readonly novelty: number;
    /** The share of what was used that it names; half of it counts as all, for a second mention may say "it". */
    readonly naming: number;
  };
}

const fewestWords = 8;
const enoughNamed = 0.5;

/**
 * How far an answer was reasoned out: a chain stands before it, is neither empty nor a repetition of itself or of the
 * question, and names what it used. Says nothing of whether it is true: only a right answer does.
 */
export function reasoning({ text, question, used }: Chain): Reasoning {
  const words = wordsOf(text);
  const known = new Set(words);
  const names = used.map(wordsOf).filter((name) => name.length > 0);
  const named = names.filter((name) => name.every((word) => known.has(word))).length;
  const share = names.length === 0 ? 1 : named / names.length;
  const parts = {
    chain: Math.min(1, words.length / fewestWords),
    novelty: noveltyOf(words, wordsOf(question)),
    naming: Math.min(1, share / enoughNamed),
  };
  return { total: parts.chain * parts.novelty * parts.naming, parts };
}

function noveltyOf(words: readonly string[], question: readonly string[]): number {
  const runs = runsOf(words);
  if (runs.length === 0) return 0;
  const old = new Set(runsOf(question));
  let fresh = 0;
  for (const run of runs) {
    if (!old.has(run)) fresh++;
    old.add(run);
  }
  return fresh / runs.length;
}

/** Three words in a row, one after the other. */
function runsOf(words: readonly string[]): string[] {
  return words.slice(2).map((_, i) => words.slice(i, i + 3).join(" "));
}

/** What a question is about: its words without those that any question has. */
export function subjectsOf(question: string): string[] {
  return [...new Set(contentWords(question))].filter((word) => /\p{L}/u.test(word));
}
