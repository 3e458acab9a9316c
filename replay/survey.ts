import { groupBy } from "../common/group_by.ts";
import { Search } from "./blocks.ts";
import { type Columns, columnsAfter, episodesIn, packedEvents, valueAt } from "./columns.ts";
import { anything, conditionsOf, placesOf, storedPhases } from "./conditions.ts";
import { lastEvent, readable, stretches } from "./damage.ts";
import { type EpisodeOrigin, storedOrigins } from "./phases.ts";
import type { CheckedQuery, Figure } from "./query.ts";
import { numbers, type Queries, utf8 } from "./sqlite.ts";

/** A figure that this run has, and between which values it lies. */
export interface FigureRange extends EpisodeOrigin {
  /** "part:…", "check:…", "version:…", "trajectory:…", "fault:…", "failure:…" or "cause:…". */
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

/** Episodes up to an event. */
export interface KnownCounts {
  readonly event: number;
  readonly counts: readonly EpisodeCount[];
}

/**
 * Episodes by round and phase, in the order in which phases were recorded first; those that are superseded come last. What is
 * known of the first ones is not counted again.
 */
export function episodeCounts(
  database: Queries,
  known: KnownCounts = { event: 0, counts: [] },
): EpisodeCount[] {
  const isNew = known.event === 0;
  const stored = isNew ? roundsOfBlocks(database) : [];
  const recent = roundsAfter(database, isNew ? packedEvents(database) : known.event);
  const blocks = groupBy([...stored, ...recent], ({ phase }) => phase);
  const before = groupBy(known.counts, nameOf);
  const counts = storedOrigins(database).flatMap(({ id, ...origin }) => {
    const byRound = [new Map<number, number>(), new Map<number, number>()];
    for (const { superseded, round, episodes } of [
      ...(before.get(nameOf(origin)) ?? []),
      ...(blocks.get(id) ?? []),
    ]) {
      const rounds = byRound[Number(superseded)];
      rounds?.set(round, (rounds.get(round) ?? 0) + episodes);
    }
    return byRound.flatMap((rounds, superseded) =>
      [...rounds]
        .sort(([a], [b]) => a - b)
        .map(([round, episodes]) => ({ superseded: superseded === 1, ...origin, round, episodes })),
    );
  });
  return counts.sort((a, b) => Number(a.superseded) - Number(b.superseded));
}

function nameOf({ stage, phase, role, type }: EpisodeOrigin): string {
  return JSON.stringify([stage, phase, role, type]);
}

interface RoundsOfBlock {
  readonly phase: number;
  readonly superseded: number;
  readonly round: number;
  readonly episodes: number;
}

/** Most blocks are of one round, and need not be read to be counted. */
function roundsOfBlocks(database: Queries): RoundsOfBlock[] {
  const stored = database.prepare(storedRoundsSql).all<StoredRounds>();
  const isOne = ({ round, lastRound, superseded, mostSuperseded }: StoredRounds) =>
    round === lastRound && superseded === mostSuperseded;
  const mixed = groupBy(
    stored.filter((block) => !isOne(block)),
    ({ phase }) => phase,
  );
  const read = [...mixed].flatMap(([phase, blocks]) =>
    new Search(database, [phase], [anything("superseded")], "round")
      .columnsOf(blocks)
      .flatMap((columns) => runsIn(columns).map((counted) => ({ phase, ...counted }))),
  );
  return [...stored.filter(isOne), ...read];
}

/** From the rows of episodes. */
function roundsAfter(database: Queries, event: number): RoundsOfBlock[] {
  return [...columnsAfter(database, event, ["time", "superseded", "round"])].flatMap(([phase, columns]) =>
    runsIn(columns).map((counted) => ({ phase, ...counted })),
  );
}

/** Episodes of one round mostly follow each other. */
function runsIn(columns: Columns): Omit<RoundsOfBlock, "phase">[] {
  const runs: { superseded: number; round: number; episodes: number }[] = [];
  for (let place = 0; place < episodesIn(columns); place++) {
    const [superseded, round] = [valueAt(columns, "superseded", place), valueAt(columns, "round", place)];
    const last = runs.at(-1);
    if (last?.round === round && last.superseded === superseded) last.episodes++;
    else runs.push({ superseded, round, episodes: 1 });
  }
  return runs;
}

const storedRoundsSql = `
  SELECT ${numbers("r.first", "r.phase", "r.episodes", "r.least AS round", "r.greatest AS lastRound")},
    ${numbers("s.least AS superseded", "s.greatest AS mostSuperseded")}
  FROM columns r JOIN columns s ON s.figure = 'superseded' AND s.first = r.first AND s.phase = r.phase
  WHERE r.figure = 'round'`;

interface StoredRounds extends RoundsOfBlock {
  readonly first: number;
  readonly lastRound: number;
  readonly mostSuperseded: number;
}

/** The named figures, and the ranges of their values over the episodes after an event. */
export function figureRanges(database: Queries, after: number = 0): FigureRange[] {
  const sql = `SELECT f.id AS figure, ${utf8("p.stage", "p.name AS phase", "p.role", "p.type", "f.kind || ':' || f.name AS name")},
      min(c.least) AS least, max(c.greatest) AS greatest
    FROM figures f JOIN phases p ON p.id = f.phase
    LEFT JOIN columns c ON ? = 0 AND c.figure = f.kind || ':' || f.name AND c.phase = f.phase
    GROUP BY f.id ORDER BY f.id`;
  const rows = database.prepare(sql).all<Stored>([after]);
  const recent = rangesAfter(database, after === 0 ? packedEvents(database) : after);
  return rows.map(({ figure, stage, phase, role, type, name, least, greatest }) => {
    const last = recent.get(figure);
    return {
      stage,
      phase,
      role,
      type,
      name,
      min: Math.min(least ?? Number.POSITIVE_INFINITY, last?.least ?? Number.POSITIVE_INFINITY),
      max: Math.max(greatest ?? Number.NEGATIVE_INFINITY, last?.greatest ?? Number.NEGATIVE_INFINITY),
    };
  });
}

interface Bounds {
  readonly least: number;
  readonly greatest: number;
}

const rangesSql = `
  SELECT ${numbers("figure", "min(value) AS least", "max(value) AS greatest")}
  FROM measures WHERE episode BETWEEN ? AND ? GROUP BY figure`;

/** The least and greatest values of each figure, as far as they can be read. */
function rangesAfter(database: Queries, event: number): Map<number, Bounds> {
  const statement = database.prepare(rangesSql);
  const found = [...stretches(event + 1, lastEvent(database))].flatMap((ids) =>
    readable(
      ids,
      (some) => statement.all<Bounds & { figure: number }>([some[0] as number, some.at(-1) as number]),
      () => [],
    ),
  );
  const ranges = [...groupBy(found, ({ figure }) => figure)].map(([figure, own]) => {
    const least = Math.min(...own.map((each) => each.least));
    return [figure, { least, greatest: Math.max(...own.map((each) => each.greatest)) }] as const;
  });
  return new Map(ranges);
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
  readonly figure: number;
  readonly least: number | null;
  readonly greatest: number | null;
}
