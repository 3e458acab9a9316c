import { Search } from "./blocks.ts";
import { unpackedColumns, valueAt } from "./columns.ts";
import { anything, placesOf } from "./conditions.ts";
import { type EpisodeOrigin, storedOrigins } from "./phases.ts";
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

interface Stored extends Omit<FigureRange, "min" | "max"> {
  readonly number: number;
  readonly least: number | null;
  readonly greatest: number | null;
}
