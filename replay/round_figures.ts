import type { Estimate } from "./evaluation_records.ts";
import type { EventBody } from "./events.ts";

/** What a round of self-play is seen by beside its evaluation, in the order in which it is shown, for people. */
export const roundTitles = {
  baseAccuracy: "base right",
  baseConfidence: "base sure",
  reasonerAccuracy: "Reasoner right",
  reasonerConfidence: "Reasoner sure",
  falseAccepts: "false accepts",
  unearned: "unearned reward",
} as const;

export type RoundFigure = keyof typeof roundTitles;

/** What of these an event says, in percent; without what nobody could know. */
export function roundFigures(event: EventBody): Partial<Record<RoundFigure, Estimate>> {
  if (event.type === "questionerAudited") {
    const { falseAccepts, unearned } = event;
    return known({ falseAccepts, unearned });
  }
  if (event.type !== "coEvolution") return {};
  const { base, reasoner } = event;
  return known({
    baseAccuracy: base.accuracy,
    baseConfidence: base.confidence,
    reasonerAccuracy: reasoner.accuracy,
    reasonerConfidence: reasoner.confidence,
  });
}

function known(
  figures: Partial<Record<RoundFigure, Estimate | null>>,
): Partial<Record<RoundFigure, Estimate>> {
  return Object.fromEntries(Object.entries(figures).filter(([, estimate]) => estimate !== null));
}
