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
import { type CheckedQuery, type Figure, ftsQuery } from "./query.ts";
import type { Queries } from "./sqlite.ts";

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

const usual: Effort = { few: 4_000, budget: 20_000, slowBudget: 1_000 };
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
  return new Search(database, query).first(effort);
}

/** How many episodes match, counted up to `atMost`. */
export function countHits(database: Queries, query: CheckedQuery, atMost: number): number {
  return new Search(database, query).count(atMost);
}

class Search {
  readonly #database: Queries;
  readonly #query: CheckedQuery;
  readonly #scope: Scope;
  readonly #conditions: readonly Condition[];

  constructor(database: Queries, query: CheckedQuery) {
    this.#database = database;
    this.#query = query;
    this.#scope = scopeOf(query);
    this.#conditions = conditionsOf(database, query, this.#scope);
  }

  first(effort: Effort): Hit[] {
    const few = this.#mostSelective(effort.few);
    if (few && few.count < effort.few) return this.#gather(few.condition);
    const isSlow = this.#conditions.some(({ slow, figure }) => slow && !this.#walksOn(figure));
    const budget = isSlow ? effort.slowBudget : effort.budget;
    const near = this.#walk(this.#conditions.length > 0 ? budget : ALL);
    if (near) return near;
    const best = this.#mostSelective(ALL);
    const total = this.#database.value<number>("SELECT max(id) FROM episodes") ?? 0;
    if (best && (isSlow || best.count < total / 2)) return this.#gather(best.condition);
    return this.#walk(ALL) ?? [];
  }

  count(atMost: number): number {
    const best = this.#mostSelective(ALL)?.condition;
    const { from, where } = best?.driver ?? { from: "episodes e", where: within(this.#scope) };
    const found = and(where, ...this.#tests(best));
    const sql = `SELECT count(*) FROM (SELECT 1 FROM ${from} WHERE ${found.text} LIMIT ?)`;
    return this.#database.value<number>(sql, [...found.params, atMost]) ?? 0;
  }

  /** The condition that an index finds the fewest episodes for, counted up to `atMost`. */
  #mostSelective(atMost: number): { condition: Condition; count: number } | undefined {
    const counted = this.#conditions.flatMap((condition) => {
      if (!condition.driver) return [];
      const { from, where } = condition.driver;
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
  #walk(budget: number): Hit[] | null {
    const found: Hit[] = [];
    for (const source of this.#sources()) {
      const hits = this.#walkOne(source, budget);
      if (!hits) return null;
      found.push(...hits);
    }
    const sign = this.#query.sort.order === "ascending" ? 1 : -1;
    found.sort((a, b) => sign * (a.key - b.key || a.id - b.id));
    return found.slice(0, this.#query.limit + 1);
  }

  #walkOne({ scope, table, key, id, where, walked }: Source, budget: number): Hit[] | null {
    const tests = and(within(scope), ...this.#tests(walked));
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

  /** What to walk through: an index for each phase, since each has its own order. */
  #sources(): Source[] {
    const { by } = this.#query.sort;
    const text = this.#query.text === undefined ? null : ftsQuery(this.#query.text);
    if (by === "time" && text !== null) {
      const where = { text: "texts MATCH ?", params: [text] };
      const walked = this.#conditions.find(({ figure }) => figure === "text");
      return [{ scope: this.#scope, table: "texts", key: "rowid", id: "rowid", where, walked }];
    }
    const scopes = this.#scope.superseded.flatMap((superseded) =>
      this.#scope.phases.map((phase): Scope => ({ superseded: [superseded], phases: [phase] })),
    );
    return scopes.flatMap((scope) => this.#sourcesOf(by, scope));
  }

  #sourcesOf(by: Figure | "time", scope: Scope): Source[] {
    const walked = this.#conditions.find(({ figure }) => figure === by);
    const column = by === "time" ? "id" : columnOf(by);
    const place = `superseded = ${scope.superseded} AND phase = ${scope.phases}`;
    if (column) {
      const values = between(column, walked?.range ?? {});
      const table = `episodes INDEXED BY episodes_${by === "time" ? "time" : column}`;
      return [
        { scope, table, key: column, id: "id", where: and({ text: place, params: [] }, values), walked },
      ];
    }
    return figureIds(this.#database, by as Figure, scope).map((figure) => {
      const where = and({ text: `figure = ${figure}`, params: [] }, between("value", walked?.range ?? {}));
      const table = "measures INDEXED BY measures_value";
      return { scope, table, key: "value", id: "episode", where, walked };
    });
  }

  #walksOn(figure: string | undefined): boolean {
    return figure === "text" && this.#query.sort.by === "time";
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
  readonly scope: Scope;
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
