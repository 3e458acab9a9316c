import type { EventBody, TurnRecord } from "./events.ts";

/** The images that an event names, by their content; one may come several times. */
export function imagesNamedBy(event: EventBody): string[] {
  const own = "image" in event && "id" in event.image ? [event.image.id] : [];
  if (event.type !== "reasonerEpisode") return own;
  const observed = event.rollouts.flatMap(({ trajectory }) => trajectory?.observations ?? []);
  const turns = [...(event.turns ?? []), ...observed.flatMap((observation) => observation.turns)];
  return [...own, ...imagesInTurns(turns)];
}

function imagesInTurns(turns: readonly TurnRecord[]): string[] {
  return turns.flatMap(({ parts }) => parts.flatMap((part) => (typeof part === "string" ? [] : part.image)));
}
