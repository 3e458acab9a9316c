import type { DamageFound } from "../../answers.ts";
import { numberRanges, plural } from "../../format.ts";

/** Says what of a replay cannot be read, if anything. */
export function DamageNote({ events = [], episodes = [], reasons = [] }: Partial<DamageFound>) {
  const lost = [named("event", events), named("episode", episodes)].filter((text) => text !== "");
  if (lost.length === 0 && reasons.length === 0) return null;
  const [reason = ""] = reasons;
  return (
    <div class="problem" role="alert">
      {lost.length > 0
        ? `Left out of this replay, since damaged: ${lost.join(" and ")}. ${reason}`
        : `Some figures of this replay cannot be read: ${reason}`}
    </div>
  );
}

function named(noun: string, ids: readonly number[]): string {
  return ids.length === 0 ? "" : `${plural(ids.length, noun)} (${numberRanges(ids)})`;
}
