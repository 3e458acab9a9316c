import type { VerdictRecord } from "../../../replay/events.ts";
import { visible } from "../../format.ts";
import { type Fate, fateNames, fates } from "../../votes.ts";

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
export function FateLegend({ names = fateNames }: { readonly names?: Readonly<Record<Fate, string>> }) {
  return (
    <p class="legend">
      {fates.map((fate) => (
        <span key={fate}>
          <i class={`key ${fate}`} />
          {names[fate]}
        </span>
      ))}
    </p>
  );
}
