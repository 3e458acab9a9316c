import type { Spelling, WordTokenizer } from "./word_tokenizer.ts";

/** Marks of thinking, answers and questions, each of them one word. */
const tags = ["<think>", "</think>", "<answer>", "</answer>", "<question>", "</question>"] as const;

/** A run of letters, a digit or a sign, with the space before it; spaces beyond that, and new lines. */
const word = String.raw` ?\p{L}[\p{L}\p{M}]*| ?\p{N}| ?[^ \n\p{L}\p{N}]|[ \n]`;

/** Words keep the space before them, so that they join to the very text; the first one is given a space, too. */
const spelling: Spelling = {
  tags,
  normalizer: { type: "Prepend", prepend: " " },
  pre_tokenizer: { type: "Split", pattern: { Regex: word }, behavior: "Isolated", invert: false },
  decoder: {
    type: "Sequence",
    decoders: [{ type: "Fuse" }, { type: "Strip", content: " ", start: 1, stop: 0 }],
  },
};

const words = new RegExp(word, "gu");
const anyTag = new RegExp(`(${tags.join("|")})`);

/** The words of a text, as the tokenizer of `vocabularyOf` takes it apart. */
export function wordsOf(text: string): string[] {
  const parts = text.split(anyTag);
  return parts.flatMap((part, i) => {
    if (i % 2 === 1) return [part];
    const start = i === 0 ? part : part.trimStart();
    const between = i === parts.length - 1 ? start : start.trimEnd();
    return between === "" ? [] : (` ${between}`.match(words) ?? []);
  });
}

/** The words of many texts and how often they occur. */
export class WordCounts {
  readonly #counts = new Map<string, number>();

  #total = 0;

  /** Gives how many words the text has. */
  add(text: string): number {
    const found = wordsOf(text);
    for (const each of found) this.#counts.set(each, (this.#counts.get(each) ?? 0) + 1);
    this.#total += found.length;
    return found.length;
  }

  get distinct(): number {
    return this.#counts.size;
  }

  get total(): number {
    return this.#total;
  }

  /** The most frequent first; those that are equally frequent by their letters. */
  byFrequency(): [word: string, count: number][] {
    return [...this.#counts].sort(([a, many], [b, more]) => more - many || (a < b ? -1 : 1));
  }
}

/** A tokenizer for texts, and what of them it has no words for. */
export interface Vocabulary {
  readonly tokenizer: WordTokenizer;
  /** Words that it lacks, the most frequent first, and how often they occur. */
  readonly unknown: readonly (readonly [word: string, count: number])[];
}

/** Of what every model is to read and write: turns, the forms of answers, and numbers. */
const always = [
  ...["User:", "System:"],
  ...["User", "Assistant", "System", "Tool"].map((role) => `\n${role}:`),
  "Question: Answer: \\boxed{}",
  ...Array.from("0123456789", (digit) => `${digit}${digit}.`),
];

/**
 * A tokenizer of at most `most` words: tags, digits, those of the texts that have to be known whole, and the most frequent
 * of the others. Throws a `RangeError` where what has to be known is more than that.
 */
export function vocabularyOf(counts: WordCounts, known: readonly string[], most: number): Vocabulary {
  const first = new Set<string>([...tags, ...[...always, ...known].flatMap(wordsOf)]);
  if (first.size > most) throw new RangeError(`${first.size} words of prompts and formats, at most ${most}`);
  const others = counts.byFrequency().filter(([each]) => !first.has(each));
  const room = most - first.size;
  return {
    tokenizer: { words: [...first, ...others.slice(0, room).map(([each]) => each)], spelling },
    unknown: others.slice(room),
  };
}
