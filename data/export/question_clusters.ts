import { sentenceBleu } from "../../rewards/diversity.ts";

/** As for the questions about one image (`clusterByDistance`). */
const threshold = 0.5;
/** Beginnings of clusters that a question is held against, at most. */
const mostCompared = 64;

/**
 * Clusters of a whole set's questions, numbered by first appearance: each joins the first earlier one, itself the
 * beginning of a cluster, whose BLEU distance is below 1/2, or begins another. Two such questions share three words in a
 * row, without which their BLEU is at most 0.32; so only those are compared that share the rarest such words.
 */
export class QuestionClusters {
  readonly #beginnings: string[] = [];
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
    return this.#known.get(question) ?? this.#candidates(trigrams(question)).find(isAlike);
  }

  /** In order of their first appearance. */
  #candidates(shared: readonly string[]): number[] {
    const lists = shared.flatMap((words) => [this.#byWords.get(words) ?? []]);
    const candidates = new Set<number>();
    for (const list of lists.sort((a, b) => a.length - b.length))
      for (const cluster of list.slice(0, mostCompared - candidates.size)) candidates.add(cluster);
    return [...candidates].sort((a, b) => a - b);
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

function trigrams(question: string): string[] {
  const words = question.split(/\s+/).filter((word) => word !== "");
  return [...new Set(words.slice(2).map((word, i) => `${words[i]} ${words[i + 1]} ${word}`))];
}
