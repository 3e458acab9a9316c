import type { ReadAnswer } from "../reasoner/reasoner.ts";
import { voteOf } from "../reasoner/vote.ts";
import { type CertaintyReader, unhedged } from "../rewards/certainty.ts";

/** How sure an answer claims to be, 0 to 1: what is said without any hedge is certain. Null where there is no answer. */
export function claimedCertainty(
  read: CertaintyReader,
  { completion, parsed }: ReadAnswer<{ readonly text: string }>,
): number | null {
  return voteOf(parsed) === null ? null : (read(completion.text) ?? unhedged);
}
