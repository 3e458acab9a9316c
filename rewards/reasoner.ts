/** What is known about one answer. */
export interface AnswerEvidence {
  /** Whether the answer equals the silver one. */
  readonly agrees: boolean;
  /** How much of the form that the prompt asks for the completion has, 0 to 1. */
  readonly format: number;
  /** Length of the completion in tokens. */
  readonly tokens: number;
}

/**
 * How much each part counts; a part of weight 0 is recorded all the same. VisPlay's public code has 0.9, 0.1 and 0: an
 * answer that does not parse never agrees, so `format` only decides among wrong answers, and keeps the tags alive in
 * groups where nobody is right.
 */
export interface ReasonerWeights {
  readonly agreement: number;
  readonly format: number;
  readonly brevity: number;
}

export interface ReasonerReward {
  readonly total: number;
  /** `agreement`, `format` and `brevity`, each in [0, 1] before weighting. */
  readonly parts: Readonly<Record<keyof ReasonerWeights, number>>;
}

/**
 * Scores the answers to one question, [G]: the weighted sum of agreement with the silver answer (0 or 1),
 * format (0 to 1) and brevity.
 *
 * Brevity is (longest - tokens) / (longest - shortest) over the agreeing answers of the group, 1 if they are
 * equally long, and 0 for an answer that disagrees, so that a short wrong one gains nothing (after the length
 * reward of Kimi k1.5, arXiv 2501.12599, section 2.3.3).
 */
export function reasonerRewards(
  group: readonly AnswerEvidence[],
  weights: ReasonerWeights,
): ReasonerReward[] {
  const lengths = group.filter((answer) => answer.agrees).map((answer) => answer.tokens);
  const longest = Math.max(...lengths);
  const spread = longest - Math.min(...lengths);
  return group.map(({ agrees, format, tokens }) => {
    const parts = {
      agreement: agrees ? 1 : 0,
      format,
      brevity: agrees ? (spread === 0 ? 1 : (longest - tokens) / spread) : 0,
    };
    const total =
      weights.agreement * parts.agreement + weights.format * parts.format + weights.brevity * parts.brevity;
    return { total, parts };
  });
}
