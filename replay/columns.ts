import { idsBetween, lastEvent, readable, stretches } from "./damage.ts";
import { columnExpressions } from "./schema.ts";
import { type Database, numbers, type Queries, type Row, type Statement, utf8 } from "./sqlite.ts";

/** Events whose episodes' columns are stored together. */
const SEGMENT = 4096;

/** One figure of all episodes of a phase between two events, by time; NaN where an episode has none. */
export interface Column {
  readonly least: number;
  /** Null where all are the same: `least`. */
  readonly values: Float32Array | Float64Array | null;
}

interface WholeColumn extends Column {
  readonly greatest: number;
  readonly episodes: number;
}

/** Columns of the same episodes, by figure; "time" is always among them. */
export type Columns<C extends Column = Column> = ReadonlyMap<string, C>;

/** Stores the columns of every `size` events that are complete, where `position` is the last event. */
export function packColumns(database: Database, position: number, size: number = SEGMENT): void {
  const sql = `INSERT INTO columns (figure, first, last, phase, episodes, least, greatest, data)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)`;
  for (let last = packedEvents(database) + size; last <= position; last += size) {
    const first = last - size + 1;
    for (const [phase, columns] of columnsBetween(database, first, last)) {
      for (const [figure, { episodes, least, greatest, values }] of columns) {
        const data = values && new Uint8Array(values.buffer);
        database.prepare(sql).run([figure, first, last, phase, episodes, least, greatest, data]);
      }
    }
  }
}

/** Which stored columns are not those of their episodes. */
export function damagedColumns(database: Database): string[] {
  const segments = database
    .prepare(`SELECT DISTINCT ${numbers("first", "last")} FROM columns ORDER BY first`)
    .all<{ first: number; last: number }>();
  const sql = `SELECT ${utf8("figure")}, ${numbers("phase", "episodes", "least", "greatest", "data")}
    FROM columns WHERE first = ? AND last = ?`;
  return segments.flatMap(({ first, last }) => {
    const made = [...columnsBetween(database, first, last)].flatMap(([phase, columns]) =>
      [...columns].map(([figure, { values, ...column }]) =>
        described({ ...column, phase, figure, data: values && new Uint8Array(values.buffer) }),
      ),
    );
    const stored = database.prepare(sql).all([first, last]).map(described);
    const isSame = stored.sort().join() === made.sort().join();
    return isSame ? [] : [`the columns of events ${first} to ${last} are not those of their episodes`];
  });
}

function described({ figure, phase, episodes, least, greatest, data = null }: Row): string {
  const bytes = data instanceof Uint8Array ? Buffer.from(data).toString("base64") : data;
  return JSON.stringify([figure, phase, episodes, least, greatest, bytes]);
}

/** Forgets the columns of all events after `position`, whose rows are about to change. */
export function unpackColumns(database: Database, position: number): void {
  database.prepare("DELETE FROM columns WHERE last > ?").run([position]);
}

/** The columns of episodes after an event, with their phases, some thousand episodes at a time, as far as they can be read. */
export function* columnsAfter(
  database: Queries,
  event: number,
  figures: readonly string[],
): Generator<readonly [phase: number, columns: Columns]> {
  for (const ids of stretches(event + 1, lastEvent(database)))
    yield* columnsBetween(database, ids[0] as number, ids.at(-1) as number, { figures, read: readableRows });
}

/** The last event whose columns are stored; 0 where there is none. */
export function packedEvents(database: Queries): number {
  const sql = "SELECT last FROM columns WHERE figure = 'time' ORDER BY first DESC LIMIT 1";
  return database.prepare(sql).get<{ last: number }>()?.last ?? 0;
}

interface Reading {
  /** All, unless said otherwise. */
  readonly figures?: readonly string[] | undefined;
  readonly read?: <R>(statement: Statement, first: number, last: number) => readonly R[];
}

/** Rows between two numbers. Throws "damaged" where one of them cannot be read. */
function allRows<R>(statement: Statement, first: number, last: number): readonly R[] {
  return statement.all<R>([first, last]);
}

/** Those that can be read. */
function readableRows<R>(statement: Statement, first: number, last: number): readonly R[] {
  const ids = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  return readable(
    ids,
    (some) => allRows<R>(statement, some[0] as number, some.at(-1) as number),
    () => [],
  );
}

/** Columns from the rows of the episodes from `first` to `last`, by phase; without those that have no value. */
function columnsBetween(
  database: Queries,
  first: number,
  last: number,
  { figures, read = allRows }: Reading = {},
): Map<number, Columns<WholeColumn>> {
  const own = Object.entries(columnExpressions).filter(([name]) => figures?.includes(name) ?? true);
  const selected = numbers("phase", ...own.map(([name, expression]) => `${expression} AS ${name}`));
  const sql = `SELECT id, ${selected} FROM episodes WHERE ${idsBetween}`;
  const rowsByPhase = new Map<number, Row[]>();
  for (const row of read<Row>(database.prepare(sql), first, last)) {
    const rows = rowsByPhase.get(row.phase as number);
    if (rows) rows.push(row);
    else rowsByPhase.set(row.phase as number, [row]);
  }
  const measures = measuresBetween(database, first, last, { figures, read });
  const columnsOf = (phase: number, rows: readonly Row[]) => [
    ...own.map(([name]) => ({ name, values: rows.map((row) => row[name] as number | null) })),
    ...measures
      .filter((measure) => measure.phase === phase)
      .map(({ name, values }) => ({ name, values: rows.map(({ id }) => values.get(id as number) ?? null) })),
  ];
  return new Map(
    [...rowsByPhase].map(([phase, rows]) => {
      const columns = columnsOf(phase, rows).map(({ name, values }) => [name, columnOf(values)] as const);
      return [phase, new Map(columns.flatMap(([name, column]) => (column ? [[name, column]] : [])))];
    }),
  );
}

/** The values of named figures, by episode. */
function measuresBetween(
  database: Queries,
  first: number,
  last: number,
  { figures, read }: Required<Reading>,
) {
  if (figures?.every((name) => Object.hasOwn(columnExpressions, name))) return [];
  const sql = `SELECT id, ${numbers("phase")}, ${utf8("kind || ':' || name AS name")} FROM figures`;
  const named = database
    .prepare(sql)
    .all<{ id: number; phase: number; name: string }>()
    .filter(({ name }) => figures?.includes(name) ?? true)
    .map((figure) => ({ ...figure, values: new Map<number, number>() }));
  if (named.length === 0) return [];
  const byId = new Map(named.map(({ id, values }) => [id, values]));
  const ids = [...byId.keys()].join();
  const valuesSql = `SELECT ${numbers("episode", "figure", "value")} FROM measures
    WHERE episode BETWEEN ? AND ? AND figure IN (${ids})`;
  type Value = { readonly episode: number; readonly figure: number; readonly value: number };
  for (const { episode, figure, value } of read<Value>(database.prepare(valuesSql), first, last))
    byId.get(figure)?.set(episode, value);
  return named;
}

/** The column of these values, as narrow as holds each exactly; undefined where there is none. */
function columnOf(figures: readonly (number | null)[]): WholeColumn | undefined {
  let least = Number.POSITIVE_INFINITY;
  let greatest = Number.NEGATIVE_INFINITY;
  let known = 0;
  let isNarrow = true;
  for (const value of figures) {
    if (value === null) continue;
    known++;
    least = Math.min(least, value);
    greatest = Math.max(greatest, value);
    isNarrow &&= Math.fround(value) === value;
  }
  if (known === 0) return undefined;
  const episodes = figures.length;
  if (known === episodes && least === greatest) return { episodes, least, greatest, values: null };
  const values = new (isNarrow ? Float32Array : Float64Array)(episodes);
  for (const [i, value] of figures.entries()) values[i] = value ?? Number.NaN;
  return { episodes, least, greatest, values };
}

/** How many episodes the columns are of: no two have the same number. */
export function episodesIn(columns: Columns): number {
  return columns.get("time")?.values?.length ?? 1;
}

/** A figure's value at a place; NaN where there is none. */
export function valueAt(columns: Columns, figure: string, place: number): number {
  const column = columns.get(figure);
  return column?.values?.[place] ?? column?.least ?? Number.NaN;
}
