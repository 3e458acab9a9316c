import { Search } from "./blocks.ts";
import { unpackedColumns, valueAt } from "./columns.ts";
import { anything, conditionsOf, placesOf, storedPhases } from "./conditions.ts";
import { type EpisodeOrigin, storedOrigins } from "./phases.ts";
import type { CheckedQuery, Figure } from "./query.ts";
import { type Queries, utf8 } from "./sqlite.ts";

/** A figure that this run has, and between which values it lies. */
export interface FigureRange extends EpisodeOrigin {
  /** "part:…", "check:…" or "version:…". */
  readonly name: string;
  readonly min: number;
  readonly max: number;
}

/** How many episodes there are of a round's phase. */
export interface EpisodeCount extends EpisodeOrigin {
  readonly superseded: boolean;
  readonly round: number;
  readonly episodes: number;
}

/** Episodes by round and phase, in the order in which phases were recorded first; those that are superseded come last. */
export function episodeCounts(database: Queries): EpisodeCount[] {
  const counts = storedOrigins(database).flatMap(({ id, ...origin }) => {
    const search = new Search(database, [id], [anything("superseded")], "round");
    const byRound = [new Map<number, number>(), new Map<number, number>()];
    for (const columns of search.all()) {
      for (const place of placesOf(columns, [])) {
        const episodes = byRound[valueAt(columns, "superseded", place)];
        const round = valueAt(columns, "round", place);
        episodes?.set(round, (episodes.get(round) ?? 0) + 1);
      }
    }
    return byRound.flatMap((rounds, superseded) =>
      [...rounds]
        .sort(([a], [b]) => a - b)
        .map(([round, episodes]) => ({ superseded: superseded === 1, ...origin, round, episodes })),
    );
  });
  return counts.sort((a, b) => Number(a.superseded) - Number(b.superseded));
}

/** The named figures, and the ranges of their values. */
export function figureRanges(database: Queries): FigureRange[] {
  const sql = `SELECT f.phase AS number, ${utf8("p.stage", "p.name AS phase", "p.role", "p.type", "f.kind || ':' || f.name AS name")},
      min(c.least) AS least, max(c.greatest) AS greatest
    FROM figures f JOIN phases p ON p.id = f.phase
    LEFT JOIN columns c ON c.figure = f.kind || ':' || f.name AND c.phase = f.phase
    GROUP BY f.id ORDER BY f.id`;
  const rows = database.prepare(sql).all<Stored>();
  const recent = unpackedColumns(database, ["time", ...new Set(rows.map(({ name }) => name))]);
  return rows.map(({ number, stage, phase, role, type, name, least, greatest }) => {
    const column = recent.get(number)?.get(name);
    return {
      stage,
      phase,
      role,
      type,
      name,
      min: Math.min(least ?? Number.POSITIVE_INFINITY, column?.least ?? Number.POSITIVE_INFINITY),
      max: Math.max(greatest ?? Number.NEGATIVE_INFINITY, column?.greatest ?? Number.NEGATIVE_INFINITY),
    };
  });
}

/** How the values of one figure are spread, round by round. */
export interface Histogram {
  /** Between these lie the bins, all of the same width; the last one includes its upper bound. */
  readonly min: number;
  readonly max: number;
  readonly rounds: readonly { readonly round: number; readonly counts: readonly number[] }[];
}

/** A figure's histogram over the episodes that a query matches; null where none of them has it. */
export function histogram(
  database: Queries,
  query: CheckedQuery,
  figure: Figure,
  bins: number,
): Histogram | null {
  const conditions = [...conditionsOf(database, query), anything("round")];
  const search = new Search(database, storedPhases(database, query), conditions, figure);
  const byRound = new Map<number, number[]>();
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (const columns of search.all()) {
    for (const place of placesOf(columns, conditions)) {
      const value = valueAt(columns, figure, place);
      if (Number.isNaN(value)) continue;
      min = Math.min(min, value);
      max = Math.max(max, value);
      const round = valueAt(columns, "round", place);
      const values = byRound.get(round);
      if (values) values.push(value);
      else byRound.set(round, [value]);
    }
  }
  if (byRound.size === 0) return null;
  const width = (max - min) / bins || 1;
  const rounds = [...byRound]
    .sort(([a], [b]) => a - b)
    .map(([round, values]) => {
      const counts = new Array<number>(bins).fill(0);
      for (const value of values) {
        const bin = Math.min(bins - 1, Math.floor((value - min) / width));
        counts[bin] = (counts[bin] as number) + 1;
      }
      return { round, counts };
    });
  return { min, max, rounds };
}

interface Stored extends Omit<FigureRange, "min" | "max"> {
  readonly number: number;
  readonly least: number | null;
  readonly greatest: number | null;
}
