import { parseChoices } from "../reasoner/choices.ts";
import { canonicalAnswer, unanswerable } from "../reasoner/equivalence.ts";
import type { Verdict } from "../reasoner/vote.ts";
import type { Rejection } from "../replay/events.ts";
import { inBand } from "../rewards/band.ts";
import type { CurriculumConfig } from "./config.ts";

/** Whether a question enters the curriculum: its label, or why not. */
export type Admission =
  | { readonly rejection: null; readonly label: string }
  | { readonly rejection: Rejection; readonly label: null };

/** Judges an answered question by its verdict alone. */
export function admit(
  verdict: Verdict,
  { band, keepUnanswerable }: Pick<CurriculumConfig, "band" | "keepUnanswerable">,
): Admission {
  const { silver, confidence } = verdict;
  if (silver === null) return rejected("noVotes");
  if (silver === unanswerable && !keepUnanswerable) return rejected("unanswerable");
  if (!inBand(confidence, band)) return rejected(confidence < band.low ? "belowBand" : "aboveBand");
  return { rejection: null, label: silver };
}

export function rejected(rejection: Rejection): Admission {
  return { rejection, label: null };
}

/** For each question of one image, whether an earlier one says the same; null, a malformed one, never does. */
export function repeats(questions: readonly (string | null)[]): boolean[] {
  const seen = new Set<string>();
  return questions.map((question) => {
    if (question === null) return false;
    const key = question.toLowerCase();
    if (seen.has(key)) return true;
    seen.add(key);
    return false;
  });
}

/** A true answer in the form that votes have. */
export function trueLabel(question: string, answer: string): string {
  return canonicalAnswer(answer, parseChoices(question));
}
