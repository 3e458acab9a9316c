import { type CauseEstimates, causeAdvice, describerAdvice } from "../arena/cause_estimates.ts";

/** A table of where answers went wrong, and what to do about that, line by line; none where nobody looked. */
export function causesText(table: string | null, estimates: CauseEstimates | undefined): string[] {
  if (table === null || !estimates) return [];
  const advice = [describerAdvice(estimates), causeAdvice(estimates)].filter((line) => line !== null);
  return ["", table, ...advice];
}
