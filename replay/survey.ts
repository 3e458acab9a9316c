import { Search } from "./blocks.ts";
import { unpackedColumns, valueAt } from "./columns.ts";
import { anything, placesOf } from "./conditions.ts";
import { phases } from "./dictionary.ts";
import type { EpisodePhase } from "./query.ts";
import { type Queries, utf8 } from "./sqlite.ts";

/** A figure that this run has, and between which values it lies. */
export interface FigureRange {
  readonly phase: EpisodePhase;
  /** "part:…" or "check:…". */
  readonly name: string;
  readonly min: number;
  readonly max: number;
}

/** How many episodes there are of a round's phase. */
export interface EpisodeCount {
  readonly superseded: boolean;
  readonly phase: EpisodePhase;
  readonly round: number;
  readonly episodes: number;
}

/** Episodes by round and phase, those that are not superseded first. */
export function episodeCounts(database: Queries): EpisodeCount[] {
  const counts = phases.flatMap((phase, i) => {
    const search = new Search(database, [i + 1], [anything("superseded")], "round");
    const byRound = [new Map<number, number>(), new Map<number, number>()];
    for (const columns of search.all()) {
      for (const place of placesOf(columns, [])) {
        const episodes = byRound[valueAt(columns, "superseded", place)];
        const round = valueAt(columns, "round", place);
        episodes?.set(round, (episodes.get(round) ?? 0) + 1);
      }
    }
    return byRound.flatMap((rounds, superseded) =>
      [...rounds].map(([round, episodes]) => ({ superseded: superseded === 1, phase, round, episodes })),
    );
  });
  const inOrder = (a: EpisodeCount, b: EpisodeCount) =>
    Number(a.superseded) - Number(b.superseded) ||
    phases.indexOf(a.phase) - phases.indexOf(b.phase) ||
    a.round - b.round;
  return counts.sort(inOrder);
}

/** The named figures, and the ranges of their values. */
export function figureRanges(database: Queries): FigureRange[] {
  const sql = `SELECT f.phase AS number, ${utf8("p.name AS phase", "f.kind || ':' || f.name AS name")},
      min(c.least) AS least, max(c.greatest) AS greatest
    FROM figures f JOIN phases p ON p.id = f.phase
    LEFT JOIN columns c ON c.figure = f.kind || ':' || f.name AND c.phase = f.phase
    GROUP BY f.id ORDER BY f.id`;
  const rows = database.prepare(sql).all<Stored>();
  const recent = unpackedColumns(database, ["time", ...new Set(rows.map(({ name }) => name))]);
  return rows.map(({ number, phase, name, least, greatest }) => {
    const column = recent.get(number)?.get(name);
    return {
      phase,
      name,
      min: Math.min(least ?? Number.POSITIVE_INFINITY, column?.least ?? Number.POSITIVE_INFINITY),
      max: Math.max(greatest ?? Number.NEGATIVE_INFINITY, column?.greatest ?? Number.NEGATIVE_INFINITY),
    };
  });
}

interface Stored {
  readonly number: number;
  readonly phase: EpisodePhase;
  readonly name: string;
  readonly least: number | null;
  readonly greatest: number | null;
}
