import type { AnswerRecord } from "../replay/events.ts";

/** What one answer came to, beside the majority, or the label that it is rewarded by. */
export type Fate = "agree" | "disagree" | "abstain" | "unread";

export const fates: readonly Fate[] = ["agree", "disagree", "abstain", "unread"];

export const fateNames: Readonly<Record<Fate, string>> = {
  agree: "agrees",
  disagree: "disagrees",
  abstain: "abstains",
  unread: "no vote",
};

export function fateOf(
  { outcome, vote }: Pick<AnswerRecord, "outcome" | "vote">,
  label: string | null,
): Fate {
  if (outcome === "abstained") return vote === label ? "agree" : "abstain";
  if (vote === null) return "unread";
  return vote === label ? "agree" : "disagree";
}

export interface Cluster<A> {
  readonly vote: string;
  readonly fate: Fate;
  readonly answers: readonly A[];
}

/** Answers by their vote, the commonest first, those that cast none last. */
export function clustersOf<A extends Pick<AnswerRecord, "outcome" | "vote">>(
  answers: readonly A[],
  label: string | null,
): Cluster<A>[] {
  const clusters = new Map<string, { vote: string; fate: Fate; answers: A[] }>();
  for (const answer of answers) {
    const fate = fateOf(answer, label);
    const vote = answer.vote ?? answer.outcome;
    const key = `${answer.vote === null} ${vote}`;
    const known = clusters.get(key);
    if (known) known.answers.push(answer);
    else clusters.set(key, { vote, fate, answers: [answer] });
  }
  const rank = ({ fate, answers: own }: Cluster<A>) => own.length - (fate === "unread" ? 1000 : 0);
  return [...clusters.values()].sort((a, b) => rank(b) - rank(a));
}
