import { sentenceBleu } from "../../rewards/diversity.ts";

/** As for the questions about one image (`clusterByDistance`). */
const threshold = 0.5;
/** Beginnings of clusters that a question is held against, at most. */
const mostCompared = 8;
/** Beginnings that are looked up by three words which many have. */
const mostListed = 500;

/**
 * Clusters of a whole set's questions, numbered by first appearance: each joins one whose beginning, an earlier question,
 * is at a BLEU distance below 1/2, or begins another. Two such questions share three words in a row, without which their
 * BLEU is at most 0.32; so only those are compared that share the most.
 */
export class QuestionClusters {
  readonly #beginnings: string[] = [];
  /** Clusters whose beginnings hold three words in a row. */
  readonly #byWords = new Map<string, number[]>();
  readonly #known = new Map<string, number>();

  /** The cluster of a question, which begins one where it is like none. */
  clusterOf(question: string): number {
    const cluster = this.find(question) ?? this.#begin(question);
    this.#known.set(question, cluster);
    return cluster;
  }

  /** The cluster that a question would join. */
  find(question: string): number | undefined {
    const isAlike = (cluster: number): boolean =>
      1 - sentenceBleu(question, this.#beginnings[cluster] as string) < threshold;
    return this.#known.get(question) ?? this.#nearest(question).find(isAlike);
  }

  /** Those that share the most with a question first, and of these the earliest. */
  #nearest(question: string): number[] {
    const shared = new Map<number, number>();
    for (const words of trigrams(question))
      for (const cluster of this.#byWords.get(words)?.slice(0, mostListed) ?? [])
        shared.set(cluster, (shared.get(cluster) ?? 0) + 1);
    const nearest = [...shared].sort(([a, sharedA], [b, sharedB]) => sharedB - sharedA || a - b);
    return nearest.slice(0, mostCompared).map(([cluster]) => cluster);
  }

  #begin(question: string): number {
    const cluster = this.#beginnings.push(question) - 1;
    for (const words of trigrams(question)) {
      const list = this.#byWords.get(words);
      if (list) list.push(cluster);
      else this.#byWords.set(words, [cluster]);
    }
    return cluster;
  }
}

function trigrams(question: string): Set<string> {
  const words = question.split(/\s+/).filter((word) => word !== "");
  return new Set(words.slice(2).map((word, i) => `${words[i]} ${words[i + 1]} ${word}`));
}
