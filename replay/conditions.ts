import { type Columns, episodesIn } from "./columns.ts";
import { storedOrigins } from "./phases.ts";
import type { CheckedQuery } from "./query.ts";
import type { Queries } from "./sqlite.ts";
import { episodesSaying } from "./text_search.ts";

/** What a query demands of one figure of an episode: a value between bounds, which are included. */
export interface Condition {
  readonly figure: string;
  readonly min: number;
  readonly max: number;
  /** Where not every value between the bounds will do. */
  readonly among?: { has(value: number): boolean };
}

/** Numbers of the phases, by their stage, name and role, that a query is about. */
export function storedPhases(database: Queries, { stages, phases, role }: CheckedQuery): number[] {
  const wanted = storedOrigins(database).filter(
    (origin) =>
      (stages?.includes(origin.stage) ?? true) &&
      (phases?.includes(origin.phase) ?? true) &&
      (role ?? origin.role) === origin.role,
  );
  return wanted.map(({ id }) => id);
}

/** What a query demands beside its phases and its cursor. */
export function conditionsOf(database: Queries, query: CheckedQuery): Condition[] {
  const conditions = Object.entries(query.ranges).map(([figure, { min, max }]) =>
    between(figure, min ?? Number.NEGATIVE_INFINITY, max ?? Number.POSITIVE_INFINITY),
  );
  if (query.superseded !== "include") {
    const wanted = query.superseded === "only" ? 1 : 0;
    conditions.push(between("superseded", wanted, wanted));
  }
  if (query.finishReason === "length") conditions.push(between("truncated", 1, Number.POSITIVE_INFINITY));
  if (query.finishReason === "stop") conditions.push(between("ended", 1, Number.POSITIVE_INFINITY));
  if (query.image !== undefined) conditions.push(among("image", imagesWith(database, query.image)));
  const saying = query.text === undefined ? null : episodesSaying(database, query.text);
  if (saying) conditions.push({ figure: "time", min: saying.first, max: saying.last, among: saying });
  return conditions;
}

/** Places of the episodes that meet all conditions; each condition's figure is among the columns. */
export function placesOf(columns: Columns, conditions: readonly Condition[]): Uint32Array {
  let count = episodesIn(columns);
  const places = new Uint32Array(count);
  for (let place = 0; place < count; place++) places[place] = place;
  for (const { figure, min, max, among } of conditions) {
    const column = columns.get(figure);
    const values = column?.values;
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const place = places[i] as number;
      const value = values ? (values[place] as number) : (column?.least ?? Number.NaN);
      if (value >= min && value <= max && (among === undefined || among.has(value))) places[kept++] = place;
    }
    count = kept;
  }
  return places.subarray(0, count);
}

/** Any value, but one. */
export function anything(figure: string): Condition {
  return between(figure, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
}

function between(figure: string, min: number, max: number): Condition {
  return { figure, min, max };
}

function among(figure: string, values: readonly number[]): Condition {
  return { figure, min: Math.min(...values), max: Math.max(...values), among: new Set(values) };
}

function imagesWith(database: Queries, content: string): number[] {
  const rows = database.prepare("SELECT id FROM images WHERE content = ?").all<{ id: number }>([content]);
  return rows.map(({ id }) => id);
}
