/** Questions about left and right: what becomes of them in a mirror. */

const side = String.raw`(?:left|right)(?:most|-?hand)?`;

/** Left and right as places, not "the right answer". */
const asPlace = new RegExp(
  [
    String.raw`\b(?:on|to|at|from|towards?) the (?:far |very |top |bottom |upper |lower )?${side}\b(?! (?:answer|time|order|way|age))`,
    String.raw`\b${side} (?:of(?! way)|side|half|part|corner|edge|end|hand)\b`,
    String.raw`\b(?:left|right)(?:most|hand)\b`,
    String.raw`\b(?:left or right|right or left)\b`,
  ].join("|"),
  "i",
);

/** "is the cup (to the) left of the plate": of two certain things, so that in a mirror it is not. */
const ofTwoThings = new RegExp(
  String.raw`^(?:is|are|was|were) (?:the|this|that|these|those)\b.*\b${side}(?: side)? of\b`,
  "i",
);

const bareSide = new RegExp(
  String.raw`^(?:on |to |at |in )?(?:the )?(?:far )?${side}(?:[ -](?:side|hand|hand side))?\.?$`,
  "i",
);

/** A text with left for right and right for left, in the case that it has. */
export function swapSides(text: string): string {
  return text.replace(/\b(left|right)(?=most\b|hand|\b)/gi, (word) => {
    const other = word.toLowerCase() === "left" ? "right" : "left";
    if (word === word.toUpperCase()) return other.toUpperCase();
    return word[0] === word[0]?.toUpperCase() ? `${other[0]?.toUpperCase()}${other.slice(1)}` : other;
  });
}

/**
 * What is true of the mirrored picture in place of the true answers: the other side; "no" where "yes" was said of a
 * relation between two certain things. Null where that does not follow.
 */
export function mirroredTruths(question: string, truths: readonly string[]): string[] | null {
  if (truths.length > 0 && truths.every((truth) => bareSide.test(truth.trim()))) return truths.map(swapSides);
  const isYes = truths.length > 0 && truths.every((truth) => /^yes\b/i.test(truth.trim()));
  return isYes && ofTwoThings.test(question.trim()) ? ["no"] : null;
}

/** The question that has the same answer about the mirrored picture; null where sides have no part in it, or are the answer. */
export function mirroredQuestion(question: string, truths: readonly string[]): string | null {
  if (!asPlace.test(question) || truths.some((truth) => /\b(?:left|right)/i.test(truth))) return null;
  return swapSides(question);
}
