import {
  and,
  between,
  type Condition,
  columnOf,
  conditionsOf,
  figureIds,
  type Scope,
  type Sql,
  scopeOf,
  within,
} from "./conditions.ts";
import type { CheckedQuery, Figure } from "./query.ts";
import type { Queries } from "./sqlite.ts";
import { listed, searchText, type TextSearch } from "./text_search.ts";

/** An episode and the value that it is sorted by. */
export interface Hit {
  readonly id: number;
  readonly key: number;
}

/** How much is tried before another way is; results do not depend on it. */
export interface Effort {
  /** Episodes that a condition may match for all of them to be looked at. */
  readonly few: number;
  /** Episodes that a walk may pass in vain. */
  readonly budget: number;
  /** The same where testing one is slow. */
  readonly slowBudget: number;
}

const usual: Effort = { few: 4_000, budget: 20_000, slowBudget: 2_000 };
const ALL = -1;

/**
 * The first episodes after the cursor, in order. There is no index for every combination of filters and order, so
 * this picks between two ways, neither of which sorts everything:
 *
 * - gather: an index finds all episodes of one condition, which are tested against the others and sorted;
 * - walk: an index gives episodes in the order that is asked for, until enough of them pass the tests.
 *
 * Gathering is fast where one condition matches few, walking where all match many. Where a walk passes many
 * episodes in vain, what it looks for lies at the other end of the order: then the best condition is gathered.
 */
export function hits(database: Queries, query: CheckedQuery, effort: Effort = usual): Hit[] {
  let text = searchText(database, query);
  if (text?.way === "ordered") {
    const near = new Search(database, query, scopeOf(query), text).walk(effort.budget);
    if (near) return near;
    text = listed(database, text.match);
  }
  const found = apart(scopeOf(query)).flatMap((scope) =>
    new Search(database, query, scope, text).first(effort),
  );
  const sign = query.sort.order === "ascending" ? 1 : -1;
  return found.sort((a, b) => sign * (a.key - b.key || a.id - b.id)).slice(0, query.limit + 1);
}

/** How many episodes match, counted up to `atMost`. */
export function countHits(database: Queries, query: CheckedQuery, atMost: number): number {
  return new Search(database, query, scopeOf(query), searchText(database, query)).count(atMost);
}

/** A scope for each phase: every phase has an order of its own in an index, and figures of its own. */
function apart(scope: Scope): Scope[] {
  return scope.superseded.flatMap((superseded) =>
    scope.phases.map((phase) => ({ superseded: [superseded], phases: [phase] })),
  );
}

class Search {
  readonly #database: Queries;
  readonly #query: CheckedQuery;
  readonly #scope: Scope;
  readonly #text: TextSearch | null;
  readonly #conditions: readonly Condition[];

  constructor(database: Queries, query: CheckedQuery, scope: Scope, text: TextSearch | null) {
    this.#database = database;
    this.#query = query;
    this.#scope = scope;
    this.#text = text;
    this.#conditions = conditionsOf(database, query, scope, text);
  }

  first(effort: Effort): Hit[] {
    const few = this.#mostSelective(effort.few);
    if (few && few.count < effort.few) return this.#gather(few.condition);
    const isSlow = this.#conditions.some(({ slow }) => slow);
    const budget = isSlow ? effort.slowBudget : effort.budget;
    const near = this.walk(this.#conditions.length > 0 ? budget : ALL);
    if (near) return near;
    const best = this.#mostSelective(ALL);
    const total = this.#database.value<number>("SELECT max(id) FROM episodes") ?? 0;
    if (best && (isSlow || best.count < total / 2)) return this.#gather(best.condition);
    return this.walk(ALL) ?? [];
  }

  count(atMost: number): number {
    const best = this.#mostSelective(atMost)?.condition;
    const { from, where } = best?.driver ?? { from: "episodes e", where: within(this.#scope) };
    const found = and(where, ...this.#tests(best));
    const sql = `SELECT count(*) FROM (SELECT 1 FROM ${from} WHERE ${found.text} LIMIT ?)`;
    return this.#database.value<number>(sql, [...found.params, atMost]) ?? 0;
  }

  /** The condition that an index finds the fewest episodes for, counted up to `atMost`. */
  #mostSelective(atMost: number): { condition: Condition; count: number } | undefined {
    const counted = this.#conditions.flatMap((condition) => {
      if (!condition.estimate) return [];
      const { from, where } = condition.estimate;
      const sql = `SELECT count(*) FROM (SELECT 1 FROM ${from} WHERE ${where.text} LIMIT ?)`;
      return { condition, count: this.#database.value<number>(sql, [...where.params, atMost]) ?? 0 };
    });
    return counted.sort((a, b) => a.count - b.count)[0];
  }

  #gather(condition: Condition): Hit[] {
    const { by } = this.#query.sort;
    const { from, where } = condition.driver as NonNullable<Condition["driver"]>;
    const column = by === "time" ? "id" : columnOf(by);
    const ids = column || by === "time" ? [] : figureIds(this.#database, by as Figure, this.#scope);
    const key = column ? `e.${column}` : "k.value";
    const keys = column ? "" : `CROSS JOIN measures k ON k.episode = e.id AND k.figure IN (${ids})`;
    const after = this.#after(key, "e.id");
    const tests = and(where, ...this.#tests(condition), between(key, {}), anyOf(after));
    const sql = `SELECT e.id, ${key} AS key FROM ${from} ${keys} WHERE ${tests.text}
      ORDER BY ${this.#ordered(key, "e.id")} LIMIT ?`;
    return this.#database.prepare(sql).all<Hit>([...tests.params, this.#query.limit + 1]);
  }

  /** Null where it passed `budget` episodes without finding enough. */
  walk(budget: number): Hit[] | null {
    const source = this.#source();
    if (!source) return [];
    const { table, key, id, where, walked } = source;
    const tests = and(within(this.#scope), ...this.#tests(walked));
    const hits: Hit[] = [];
    for (const after of this.#after(key, id)) {
      const rows = and(where, after);
      const scan = `SELECT ${id} AS id, ${key} AS key FROM ${table} WHERE ${rows.text}
        ORDER BY ${this.#ordered(key, id)} LIMIT ?`;
      const sql = `SELECT w.id, w.key FROM (${scan}) w CROSS JOIN episodes e ON e.id = w.id
        WHERE ${tests.text} LIMIT ?`;
      const wanted = this.#query.limit + 1 - hits.length;
      hits.push(...this.#database.prepare(sql).all<Hit>([...rows.params, budget, ...tests.params, wanted]));
      if (hits.length > this.#query.limit) return hits;
      if (budget === ALL) continue;
      const passed = this.#database.value<number>(`SELECT count(*) FROM (${scan})`, [...rows.params, budget]);
      if (passed === budget) return null;
    }
    return hits;
  }

  /** What to walk through; undefined where no episode of the scope has the figure. */
  #source(): Source | undefined {
    const { by } = this.#query.sort;
    if (this.#text?.way === "ordered") {
      const where = { text: "texts MATCH ?", params: [this.#text.match] };
      const walked = this.#conditions.find(({ figure }) => figure === "text");
      return { table: "texts", key: "rowid", id: "rowid", where, walked };
    }
    const walked = this.#conditions.find(({ figure }) => figure === by);
    const range = walked?.range ?? {};
    const column = by === "time" ? "id" : columnOf(by);
    if (column) {
      const { superseded, phases } = this.#scope;
      const place = { text: `superseded = ${superseded} AND phase = ${phases}`, params: [] };
      const table = `episodes INDEXED BY episodes_${by === "time" ? "time" : column}`;
      return { table, key: column, id: "id", where: and(place, between(column, range)), walked };
    }
    const [figure] = figureIds(this.#database, by as Figure, this.#scope);
    if (figure === undefined) return undefined;
    const where = and({ text: `figure = ${figure}`, params: [] }, between("value", range));
    return { table: "measures INDEXED BY measures_value", key: "value", id: "episode", where, walked };
  }

  #tests(met?: Condition): Sql[] {
    return this.#conditions.filter((condition) => condition !== met).map(({ test }) => test);
  }

  /** What comes after the cursor: the rest of those with the same key, then those with further ones. */
  #after(key: string, id: string): Sql[] {
    const { cursor, sort } = this.#query;
    if (!cursor) return [{ text: "TRUE", params: [] }];
    const further = sort.order === "ascending" ? ">" : "<";
    const rest = { text: `${id} ${further} ?`, params: [cursor.id] };
    if (sort.by === "time") return [rest];
    const same = { text: `${key} = ?`, params: [cursor.key] };
    return [and(same, rest), { text: `${key} ${further} ?`, params: [cursor.key] }];
  }

  #ordered(key: string, id: string): string {
    const direction = this.#query.sort.order === "ascending" ? "ASC" : "DESC";
    return key === id ? `${id} ${direction}` : `${key} ${direction}, ${id} ${direction}`;
  }
}

/** An index in the order that is asked for. */
interface Source {
  readonly table: string;
  readonly key: string;
  readonly id: string;
  readonly where: Sql;
  /** The condition that it has met already. */
  readonly walked: Condition | undefined;
}

function anyOf(parts: readonly Sql[]): Sql {
  const text = parts.map((part) => `(${part.text})`).join(" OR ");
  return { text: `(${text})`, params: parts.flatMap(({ params }) => params) };
}
