/**
 * How much the questions about one image repeat each other (VisPlay, arXiv 2511.15661, section 3): BLEU
 * distance, average-linkage clusters, and each question's penalty, the share of its cluster.
 */

/** Stands for a count of zero matches in a BLEU precision: nltk's smoothing `method1`. */
const epsilon = 0.1;

/**
 * The smoothed sentence BLEU of a hypothesis against one reference, in [0, 1]: the geometric mean of the
 * 1- to 4-gram precisions times the brevity penalty (Papineni et al. 2002). Tokens are separated by white
 * space. 0 without a common word; below 1 for equal texts of fewer than four words, which lack 4-grams.
 */
export function sentenceBleu(reference: string, hypothesis: string): number {
  const wanted = words(reference);
  const given = words(hypothesis);
  let logPrecision = 0;
  for (let n = 1; n <= 4; n++) {
    const matches = clippedMatches(ngrams(wanted, n), ngrams(given, n));
    if (n === 1 && matches === 0) return 0;
    logPrecision += Math.log((matches || epsilon) / Math.max(1, given.length - n + 1)) / 4;
  }
  const brevity = given.length > wanted.length ? 1 : Math.exp(1 - wanted.length / given.length);
  return brevity * Math.exp(logPrecision);
}

/** 1 - BLEU of every pair, [n, n], symmetric with zero diagonal; the earlier question is the hypothesis. */
export function bleuDistances(questions: readonly string[]): number[][] {
  const distances = questions.map(() => questions.map(() => 0));
  for (const [i, hypothesis] of questions.entries()) {
    for (const [j, reference] of questions.entries()) {
      if (i >= j) continue;
      const distance = 1 - sentenceBleu(reference, hypothesis);
      (distances[i] as number[])[j] = distance;
      (distances[j] as number[])[i] = distance;
    }
  }
  return distances;
}

/**
 * Average-linkage agglomerative clustering of a distance matrix [n, n]: the closest two clusters (the first
 * such pair on a tie) are merged while their mean distance is below the threshold. Labels [n], numbered by
 * first appearance.
 */
export function clusterByDistance(distances: readonly (readonly number[])[], threshold = 0.5): number[] {
  const clusters = distances.map((_, i) => [i]);
  for (;;) {
    let closest = { distance: threshold, a: -1, b: -1 };
    for (let a = 0; a < clusters.length; a++) {
      for (let b = a + 1; b < clusters.length; b++) {
        const distance = meanDistance(distances, clusters[a] as number[], clusters[b] as number[]);
        if (distance < closest.distance) closest = { distance, a, b };
      }
    }
    if (closest.a < 0) break;
    const [merged] = clusters.splice(closest.b, 1);
    clusters[closest.a]?.push(...(merged as number[]));
  }
  const labels = distances.map(() => 0);
  for (const [label, members] of clusters.entries()) for (const i of members) labels[i] = label;
  return labels;
}

/** The share of each question's cluster among the questions of one image, [n], in (0, 1]. */
export function duplicateShares(questions: readonly string[], threshold = 0.5): number[] {
  const labels = clusterByDistance(bleuDistances(questions), threshold);
  const sizes = tally(labels);
  return labels.map((label) => (sizes.get(label) as number) / questions.length);
}

function meanDistance(distances: readonly (readonly number[])[], a: number[], b: number[]): number {
  let sum = 0;
  for (const i of a) for (const j of b) sum += distances[i]?.[j] as number;
  return sum / (a.length * b.length);
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}

function ngrams(tokens: readonly string[], n: number): Map<string, number> {
  const starts = tokens.slice(0, Math.max(0, tokens.length - n + 1));
  return tally(starts.map((_, i) => tokens.slice(i, i + n).join(" ")));
}

/** How many of the given n-grams occur in the wanted ones, each at most as often as there. */
function clippedMatches(wanted: Map<string, number>, given: Map<string, number>): number {
  let matches = 0;
  for (const [gram, count] of given) matches += Math.min(count, wanted.get(gram) ?? 0);
  return matches;
}

function tally<T>(items: readonly T[]): Map<T, number> {
  const counts = new Map<T, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}
