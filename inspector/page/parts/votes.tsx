import type { AnswerRecord, VerdictRecord } from "../../../replay/events.ts";
import { visible } from "../format.ts";

/** What one answer came to, beside the majority, or the label that it is rewarded by. */
export type Fate = "agree" | "disagree" | "abstain" | "unread";

const fates: readonly Fate[] = ["agree", "disagree", "abstain", "unread"];

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

/** Answers as a bar: a part for each different vote, the majority first. */
export function VoteBar({ verdict }: { readonly verdict: VerdictRecord | null }) {
  if (!verdict || verdict.samples === 0) return <span class="quiet">not asked</span>;
  const { votes, abstentions, parseFailures, silver, samples } = verdict;
  const cast = votes.map(({ answer, count }) => ({
    name: answer,
    count,
    fate: (answer === silver ? "agree" : answer === "unanswerable" ? "abstain" : "disagree") as Fate,
  }));
  const counted = votes.reduce((sum, { count }) => sum + count, 0);
  const bars = [
    ...cast,
    ...(votes.some(({ answer }) => answer === "unanswerable") || counted + parseFailures >= samples
      ? []
      : [{ name: "abstains", count: abstentions, fate: "abstain" as Fate }]),
    { name: "no vote", count: parseFailures, fate: "unread" as Fate },
  ].filter(({ count }) => count > 0);
  const text = bars.map(({ name, count }) => `${visible(name)} ${count}`).join(", ");
  return (
    <div class="votes" role="img" aria-label={`Votes: ${text}`} title={text}>
      {bars.map(({ name, count, fate }) => (
        <span key={name} class={fate} style={{ flexGrow: count, flexBasis: 0 }} />
      ))}
    </div>
  );
}

/** What the four hues mean. */
export function FateLegend() {
  return (
    <p class="legend">
      {fates.map((fate) => (
        <span key={fate}>
          <i class={`key ${fate}`} />
          {fateNames[fate]}
        </span>
      ))}
    </p>
  );
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
