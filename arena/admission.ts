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

/**
 * Judges an answered question by its verdict and, where it was also asked without the image, by how far the blind
 * answers agree with that.
 */
export function admit(
  verdict: Verdict,
  config: Pick<CurriculumConfig, "band" | "keepUnanswerable" | "gate">,
  blindAgreement: number | null = null,
): Admission {
  const { silver, confidence } = verdict;
  if (silver === null) return reject("noVotes");
  if (silver === unanswerable && !config.keepUnanswerable) return reject("unanswerable");
  const failed = failedCheck(gate({ parsed: true, verdict, blindAgreement }, thresholdsFor(silver, config)));
  if (failed) return reject(rejections[failed] ?? "failed");
  if (!inBand(confidence, config.band))
    return reject(confidence < config.band.low ? "belowBand" : "aboveBand");
  return { rejection: null, label: silver };
}

/** Where the label itself is that nothing can be said, abstaining is no fault, and without the image it is right. */
function thresholdsFor(silver: string, { gate: limits }: Pick<CurriculumConfig, "gate">) {
  const { minParsedShare: parse, minVotes: votes, maxAbstentionShare, maxBlindAgreement } = limits;
  const answered = silver !== unanswerable;
  const [abstention, blind] = answered ? [maxAbstentionShare, maxBlindAgreement] : [null, null];
  return { parse, votes, abstention, blind };
}

const rejections: Readonly<Partial<Record<CheckName, Rejection>>> = {
  parse: "fewParsed",
  votes: "fewVotes",
  abstention: "abstained",
  blind: "blind",
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
