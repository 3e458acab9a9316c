import { phases } from "./dictionary.ts";
import { type CheckedQuery, type Figure, phasesOf, type Range } from "./query.ts";
import { figureColumns } from "./schema.ts";
import type { Queries, Value } from "./sqlite.ts";
import type { TextSearch } from "./text_search.ts";

/** A piece of SQL and what its question marks stand for. */
export interface Sql {
  readonly text: string;
  readonly params: readonly Value[];
}

/** Which episodes at all: those of some phases, superseded or not. */
export interface Scope {
  readonly superseded: readonly number[];
  readonly phases: readonly number[];
}

/** FROM and WHERE. */
export interface Rows {
  readonly from: string;
  readonly where: Sql;
}

/** What a query demands of an episode `e`. */
export interface Condition {
  /** The figure that it is about, if it is about one. */
  readonly figure?: string;
  readonly range?: Range;
  readonly test: Sql;
  /** How an index finds the episodes `e`. Null where none does. */
  readonly driver: Rows | null;
  /** What an index knows of how many there are: at least as many as the driver finds. */
  readonly estimate: Rows | null;
  /** Testing an episode costs much more than reading it. */
  readonly slow?: boolean;
}

export function scopeOf(query: CheckedQuery): Scope {
  const superseded = { exclude: [0], only: [1], include: [0, 1] }[query.superseded];
  return { superseded, phases: phasesOf(query).map((phase) => phases.indexOf(phase) + 1) };
}

/** The scope as a test of `e`; literals, so that SQLite sees how few values there are. */
export function within({ superseded, phases: numbers }: Scope): Sql {
  return { text: `e.superseded IN (${superseded}) AND e.phase IN (${numbers})`, params: [] };
}

export function and(...parts: readonly Sql[]): Sql {
  return {
    text: parts.map(({ text }) => text).join(" AND "),
    params: parts.flatMap(({ params }) => params),
  };
}

/** Values between bounds; without bounds, all values but null. */
export function between(column: string, { min, max }: Range): Sql {
  const lower = { text: `${column} >= ?`, params: [min ?? Number.NEGATIVE_INFINITY] };
  return max === undefined ? lower : and(lower, { text: `${column} <= ?`, params: [max] });
}

/** What a query demands beside its scope. */
export function conditionsOf(
  database: Queries,
  query: CheckedQuery,
  scope: Scope,
  text: TextSearch | null,
): Condition[] {
  const conditions = Object.entries(query.ranges).map(([figure, range]) =>
    figureCondition(database, figure as Figure, range, scope),
  );
  if (query.finishReason === "length") conditions.push(columnCondition("truncated", { min: 1 }, scope));
  if (query.finishReason === "stop") {
    conditions.push({ test: { text: "e.truncated < e.rollouts", params: [] }, driver: null, estimate: null });
  }
  if (query.image !== undefined) conditions.push(imageCondition(query.image, scope));
  return text ? [...conditions, textCondition(text, scope)] : conditions;
}

/** The numbers of a named figure in the phases of a scope. */
export function figureIds(database: Queries, figure: Figure, scope: Scope): number[] {
  const colon = figure.indexOf(":");
  const sql = `SELECT id FROM figures WHERE kind = ? AND name = ? AND phase IN (${scope.phases})`;
  const rows = database.prepare(sql).all<{ id: number }>([figure.slice(0, colon), figure.slice(colon + 1)]);
  return rows.map(({ id }) => id);
}

/** The column of a figure; undefined for a named one. */
export function columnOf(figure: string): string | undefined {
  return Object.hasOwn(figureColumns, figure)
    ? figureColumns[figure as keyof typeof figureColumns]
    : undefined;
}

function figureCondition(database: Queries, figure: Figure, range: Range, scope: Scope): Condition {
  const column = columnOf(figure);
  if (column) return { ...columnCondition(column, range, scope), figure, range };
  const ids = figureIds(database, figure, scope);
  const values = between("m.value", range);
  const test = {
    text: `EXISTS (SELECT 1 FROM measures m WHERE m.episode = e.id AND m.figure IN (${ids}) AND ${values.text})`,
    params: values.params,
  };
  const found = and({ text: `m.figure IN (${ids})`, params: [] }, values);
  const from = "measures m INDEXED BY measures_value";
  const joined = `${from} CROSS JOIN episodes e ON e.id = m.episode`;
  const driver = { from: joined, where: and(found, within(scope)) };
  return { figure, range, test, driver, estimate: { from, where: found } };
}

function columnCondition(column: string, range: Range, scope: Scope): Condition {
  const test = between(`e.${column}`, range);
  const driver = { from: `episodes e INDEXED BY episodes_${column}`, where: and(within(scope), test) };
  return { test, driver, estimate: driver };
}

function imageCondition(content: string, scope: Scope): Condition {
  const test = { text: "e.image IN (SELECT id FROM images WHERE content = ?)", params: [content] };
  const driver = { from: "episodes e INDEXED BY episodes_image", where: and(within(scope), test) };
  return { test, driver, estimate: driver };
}

function textCondition({ match, way }: TextSearch, scope: Scope): Condition {
  const isListed = way === "listed";
  const matching = isListed ? { text: "TRUE", params: [] } : { text: "t.texts MATCH ?", params: [match] };
  const from = isListed ? "temp.found t" : "texts t";
  const id = isListed ? "t.id" : "t.rowid";
  const test = isListed
    ? { text: "e.id IN temp.found", params: [] }
    : { text: "EXISTS (SELECT 1 FROM texts WHERE texts MATCH ? AND rowid = e.id)", params: [match] };
  const driver = {
    from: `${from} CROSS JOIN episodes e ON e.id = ${id}`,
    where: and(matching, within(scope)),
  };
  const estimate = { from, where: matching };
  return { figure: "text", test, driver, estimate, slow: way === "asked" };
}
