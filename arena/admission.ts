import { unanswerable } from "../reasoner/abstention.ts";
import type { Verdict } from "../reasoner/vote.ts";
import type { Rejection } from "../replay/events.ts";
import { inBand } from "../rewards/band.ts";
import { type CheckName, failedCheck, gate } from "../rewards/gate.ts";
import type { CurriculumConfig } from "./config/curriculum.ts";

/** Whether a question enters the curriculum: its label, or why not. */
export type Admission =
  | { readonly rejection: null; readonly label: string }
  | { readonly rejection: Rejection; readonly label: null };

/** What answers without the image say of a question's majority. */
export interface BlindFigures {
  /** How far they agree with it, see `blindAgreement`. */
  readonly agreement: number;
  /** How much surer it is with the image, see `imageEvidence`. */
  readonly evidence: number;
}

/** Judges an answered question by its verdict and, where it was also asked without the image, by what was answered then. */
export function admit(
  verdict: Verdict,
  config: Pick<CurriculumConfig, "band" | "keepUnanswerable" | "gate">,
  blind: BlindFigures | null = null,
): Admission {
  const { silver, confidence } = verdict;
  if (silver === null) return reject("noVotes");
  if (silver === unanswerable && !config.keepUnanswerable) return reject("unanswerable");
  const judged = {
    ...{ parsed: true, verdict, blindAgreement: blind?.agreement ?? null },
    evidence: blind?.evidence ?? null,
  };
  const failed = failedCheck(gate(judged, thresholdsFor(silver, config)));
  if (failed) return reject(rejections[failed] ?? "failed");
  if (!inBand(confidence, config.band))
    return reject(confidence < config.band.low ? "belowBand" : "aboveBand");
  return { rejection: null, label: silver };
}

/** Where the label itself is that nothing can be said, abstaining is no fault, and without the image it is right. */
function thresholdsFor(silver: string, { gate: limits }: Pick<CurriculumConfig, "gate">) {
  const { minParsedShare: parse, minVotes: votes, maxAbstentionShare, maxBlindAgreement } = limits;
  if (silver === unanswerable) return { parse, votes, abstention: null, blind: null, evidence: null };
  return {
    ...{ parse, votes, abstention: maxAbstentionShare, blind: maxBlindAgreement },
    evidence: limits.minEvidence || null,
  };
}

const rejections: Readonly<Partial<Record<CheckName, Rejection>>> = {
  parse: "fewParsed",
  votes: "fewVotes",
  abstention: "abstained",
  blind: "blind",
  evidence: "noEvidence",
};

export function reject(rejection: Rejection): Admission {
  return { rejection, label: null };
}

/**
 * For each question of one image, whether an earlier one, or one that was admitted `before`, says the same; null, a
 * malformed one, never does.
 */
export function repeats(questions: readonly (string | null)[], before: readonly string[] = []): boolean[] {
  const seen = new Set(before.map((question) => question.toLowerCase()));
  return questions.map((question) => {
    if (question === null) return false;
    const key = question.toLowerCase();
    if (seen.has(key)) return true;
    seen.add(key);
    return false;
  });
}
