/** One option of a multiple-choice question. */
export interface Choice {
  /** Lower case, "a" to "z". */
  readonly letter: string;
  readonly text: string;
}

const label = /(?<![\p{L}\p{N}'])[([]?\s?([A-Za-z])\s?[)\].:]\s*/gu;

/**
 * The options that a question offers, [] if none: "(A) cat (B) dog", "A. cat B. dog", "a) cat, b) dog". Labels
 * run from A without gaps, at least to B; any other letter with a full stop belongs to the text.
 */
export function parseChoices(question: string): Choice[] {
  const labels: { readonly start: number; readonly end: number }[] = [];
  for (const match of question.matchAll(label)) {
    const expected = String.fromCharCode("a".charCodeAt(0) + labels.length);
    if (match[1]?.toLowerCase() !== expected) continue;
    labels.push({ start: match.index, end: match.index + match[0].length });
  }
  if (labels.length < 2) return [];
  return labels.map(({ end }, i) => ({
    letter: String.fromCharCode("a".charCodeAt(0) + i),
    text: question.slice(end, labels[i + 1]?.start).replace(/[\s,;.?]+$/, ""),
  }));
}
