import type { VisualQuestion } from "../../reasoner/reasoner.ts";

/** Something that is said to be so in the picture of a question: a sentence of a description. */
export interface PictureClaim extends VisualQuestion {
  readonly claim: string;
}

/** Who can look whether claims are so where nobody knows the truth. */
export const checkerNames = ["detector", "ocr", "policy", "base", "views"] as const;
export type CheckerName = (typeof checkerNames)[number];

/** Looks whether claims about pictures are so. */
export interface ClaimChecker extends Partial<AsyncDisposable> {
  /** As records have it. */
  readonly name: CheckerName;
  /** How sure it is of each, [claims], from 0, wrong, to 1; null where it cannot tell. */
  check(claims: readonly PictureClaim[], signal?: AbortSignal): Promise<(number | null)[]>;
}
