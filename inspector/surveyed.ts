import type { EpisodeCount, FigureRange } from "../replay/survey.ts";

/** What is known of the episodes before an event, and what was found of those after it, as one. */

export function joinedCounts(
  before: readonly EpisodeCount[],
  after: readonly EpisodeCount[],
): readonly EpisodeCount[] {
  if (after.length === 0) return before;
  const origins: string[] = [];
  const joined = new Map<string, EpisodeCount & { readonly place: number }>();
  for (const count of [...before, ...after]) {
    const { stage, phase, role, type, superseded, round, episodes } = count;
    const origin = JSON.stringify([stage, phase, role, type]);
    if (!origins.includes(origin)) origins.push(origin);
    const key = `${origin} ${superseded} ${round}`;
    const known = joined.get(key);
    joined.set(key, {
      ...count,
      episodes: episodes + (known?.episodes ?? 0),
      place: origins.indexOf(origin),
    });
  }
  return [...joined.values()]
    .sort((a, b) => Number(a.superseded) - Number(b.superseded) || a.place - b.place || a.round - b.round)
    .map(({ place: _, ...count }) => count);
}

/** `after` names all figures that there are by then. */
export function joinedRanges(
  before: readonly FigureRange[],
  after: readonly FigureRange[],
): readonly FigureRange[] {
  const keyOf = ({ stage, phase, role, type, name }: FigureRange) =>
    JSON.stringify([stage, phase, role, type, name]);
  const known = new Map(before.map((range) => [keyOf(range), range]));
  return after.map((range) => {
    const earlier = known.get(keyOf(range));
    if (!earlier) return range;
    return { ...range, min: Math.min(range.min, earlier.min), max: Math.max(range.max, earlier.max) };
  });
}
