import { MOST_BLOCKS, Search } from "./blocks.ts";
import { type Columns, valueAt } from "./columns.ts";
import { type Condition, conditionsOf, placesOf, storedPhases } from "./conditions.ts";
import type { CheckedQuery, Cursor } from "./query.ts";
import type { Queries } from "./sqlite.ts";

/** Blocks that are read at once, at first. */
const FIRST_BLOCKS = 4;

/**
 * The first episodes after the cursor, in order, and one more than the page has. Looks through the columns of the
 * figures that the query is about: first where the order begins, and until nothing that is left can be better than
 * what was found.
 */
export function hits(database: Queries, query: CheckedQuery): Cursor[] {
  const page = new Page(query);
  const conditions = conditionsOf(database, query);
  const within = query.cursor ? [...conditions, page.wanted] : conditions;
  const search = new Search(database, storedPhases(database, query), within, query.sort.by);
  for (const columns of search.unpacked()) page.add(columns, conditions);
  let blocks = search.blocks(query.sort.order);
  for (let count = FIRST_BLOCKS; blocks.length > 0; count = Math.min(2 * count, MOST_BLOCKS)) {
    const near = blocks.slice(0, count).filter(({ best }) => page.mayTake(best));
    for (const columns of search.columnsOf(near)) page.add(columns, conditions);
    blocks = near.length < count ? [] : blocks.slice(count);
  }
  return page.hits;
}

/** How many episodes match, counted up to `atMost`. */
export function countHits(database: Queries, query: CheckedQuery, atMost: number): number {
  const conditions = conditionsOf(database, query);
  const search = new Search(database, storedPhases(database, query), conditions, "time");
  let count = 0;
  for (const columns of search.all()) {
    count += placesOf(columns, conditions).length;
    if (count >= atMost) break;
  }
  return Math.min(count, atMost);
}

/** The best episodes that were found so far. */
class Page {
  readonly #query: CheckedQuery;
  readonly #hits: Cursor[] = [];

  constructor(query: CheckedQuery) {
    this.#query = query;
  }

  /** In order. */
  get hits(): Cursor[] {
    return this.#hits;
  }

  /** What the key of an episode must be to come after the cursor, and not after all that is needed. */
  get wanted(): Condition {
    const { sort, cursor } = this.#query;
    const start = cursor?.key;
    const end = this.#worst?.key;
    const [min, max] = sort.order === "ascending" ? [start, end] : [end, start];
    return {
      figure: sort.by,
      min: min ?? Number.NEGATIVE_INFINITY,
      max: max ?? Number.POSITIVE_INFINITY,
    };
  }

  mayTake(hit: Cursor): boolean {
    return this.#worst === undefined || this.#compare(hit, this.#worst) < 0;
  }

  /** Takes the episodes that meet the conditions, as far as they are better than what it holds. */
  add(columns: Columns, conditions: readonly Condition[]): void {
    const { cursor, limit, sort } = this.#query;
    for (const place of placesOf(columns, [this.wanted, ...conditions])) {
      const hit = { id: valueAt(columns, "time", place), key: valueAt(columns, sort.by, place) };
      if (!this.mayTake(hit) || (cursor && this.#compare(hit, cursor) <= 0)) continue;
      this.#hits.splice(this.#placeOf(hit), 0, hit);
      if (this.#hits.length > limit + 1) this.#hits.pop();
    }
  }

  /** The last one, once there are as many as needed. */
  get #worst(): Cursor | undefined {
    return this.#hits[this.#query.limit];
  }

  #placeOf(hit: Cursor): number {
    let low = 0;
    let high = this.#hits.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#compare(this.#hits[middle] as Cursor, hit) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #compare(a: Cursor, b: Cursor): number {
    const ascending = a.key - b.key || a.id - b.id;
    return this.#query.sort.order === "ascending" ? ascending : -ascending;
  }
}
