import { certaintyScore } from "./certainty.ts";

/** What is known about one answer. */
export interface AnswerEvidence {
  /** Whether the answer equals the silver one. */
  readonly agrees: boolean;
  /** How much of the form that the prompt asks for the completion has, 0 to 1. */
  readonly format: number;
  /** Length of the completion in tokens. */
  readonly tokens: number;
  /** Whether the silver answer also follows from what it says to see, without the image; null where that was not asked. */
  readonly described: boolean | null;
  /** How sure it says that it is, 0 to 1; null where that was not read, or there is no answer to be sure of. */
  readonly stated: number | null;
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
  readonly description: number;
  readonly certainty: number;
}

/** Parts that are there only where they were asked for. */
type AskedPart = "description" | "certainty";

/** What an agreeing answer earns of its agreement where its description does not lead to it. */
const unverified = { none: 1, staged: 0.5, gate: 0 } as const;

/** How the reward asks for more than the right answer. */
export type Verification = keyof typeof unverified;
export const verifications = Object.keys(unverified) as readonly Verification[];

/** How much of being right counts, 0 to 1, for an answer that follows, or not, from what it says to see. */
export function verifiedShare(verification: Verification, follows: boolean): number {
  return follows ? 1 : unverified[verification];
}

export interface ReasonerReward {
  readonly total: number;
  /** Each in [0, 1] before weighting; `description` only where that was asked, `certainty` where it has a weight. */
  readonly parts: Readonly<Record<Exclude<keyof ReasonerWeights, AskedPart>, number>> &
    Readonly<Partial<Record<AskedPart, number>>>;
}

/**
 * Scores the answers to one question, [G]: the weighted sum of agreement with the silver answer, format (0 to 1), brevity,
 * the description from which alone the silver answer follows (0 or 1; the visual reward of Vision-SR1, arXiv 2508.19652), and
 * how well what it says to be sure of fits whether it agrees (`certaintyScore`, 0 without an answer; as RLCR, arXiv 2507.16806).
 *
 * Agreement is 1, or less where verification asks for a description that leads to the answer and there is none; 0 for an
 * answer that disagrees.
 *
 * Brevity is (longest - tokens) / (longest - shortest) over the agreeing answers of the group, 1 if they are
 * equally long, and 0 for an answer that disagrees, so that a short wrong one gains nothing (after the length
 * reward of Kimi k1.5, arXiv 2501.12599, section 2.3.3).
 */
export function reasonerRewards(
  group: readonly AnswerEvidence[],
  weights: ReasonerWeights,
  verification: Verification = "none",
): ReasonerReward[] {
  const lengths = group.filter((answer) => answer.agrees).map((answer) => answer.tokens);
  const longest = Math.max(...lengths);
  const spread = longest - Math.min(...lengths);
  return group.map(({ agrees, format, tokens, described, stated }) => {
    const parts = {
      agreement: agrees ? verifiedShare(verification, described !== false) : 0,
      format,
      brevity: agrees ? (spread === 0 ? 1 : (longest - tokens) / spread) : 0,
      ...(described !== null && { description: Number(described) }),
      ...(weights.certainty > 0 && {
        certainty: stated === null ? 0 : certaintyScore(stated, Number(agrees)),
      }),
    };
    const total =
      weights.agreement * parts.agreement +
      weights.format * parts.format +
      weights.brevity * parts.brevity +
      weights.description * (parts.description ?? 0) +
      weights.certainty * (parts.certainty ?? 0);
    return { total, parts };
  });
}
