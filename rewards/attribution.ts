/** Where an answer went wrong: in seeing, in thinking, or in bringing the two together; or that it only looks right. */
export const causes = ["grounding", "reasoning", "fusion", "unfaithful"] as const;
export type Cause = (typeof causes)[number];

/** What each of them is, in words. */
export const causeMeanings: Readonly<Record<Cause, string>> = {
  grounding: "the picture was misread",
  reasoning: "what was seen was not understood",
  fusion: "right from its own words, wrong from the picture",
  unfaithful: "right, though what it says to see is wrong",
};

/** What is known of an answer and of a description that its policy gave of the same picture. */
export interface Evidence {
  /** Whether the description is right in what the question needs. */
  readonly described: boolean;
  /** Whether the answer from the description alone is right. */
  readonly concluded: boolean;
  /** Whether the answer with the picture is right. */
  readonly answered: boolean;
}

/**
 * Describe, then answer from the description alone (after Vision-SR1, 2508.19652): who sees right and thinks right gives the
 * same answer twice, and where the chain breaks shows the cause.
 *
 * | description | answer from it | answer with the picture | cause |
 * |---|---|---|---|
 * | wrong | any | wrong | `grounding`: the picture was misread |
 * | right | wrong | wrong | `reasoning`: what was read was not understood |
 * | right | right | wrong | `fusion`: seen and understood, but not when looking |
 * | wrong | any | right | `unfaithful`: lucky, or not what the answer came from |
 *
 * Null where nothing went wrong.
 */
export function causeOf({ described, concluded, answered }: Evidence): Cause | null {
  if (answered) return described ? null : "unfaithful";
  if (!described) return "grounding";
  return concluded ? "fusion" : "reasoning";
}
