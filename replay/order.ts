import { Search } from "./blocks.ts";
import { valueAt } from "./columns.ts";
import { conditionsOf, placesOf, storedPhases } from "./conditions.ts";
import type { CheckedQuery } from "./query.ts";
import type { Queries } from "./sqlite.ts";

/**
 * The numbers of all episodes that a query matches, in its order: what a list of any length is scrolled by. Takes some
 * tenths of a second at a million episodes, where the first page of them takes milliseconds.
 */
export function orderedIds(database: Queries, query: CheckedQuery): Uint32Array {
  const { by, order } = query.sort;
  const conditions = conditionsOf(database, query);
  const idsByKey = new Map<number, number[]>();
  let total = 0;
  for (const columns of new Search(database, storedPhases(database, query), conditions, by).all()) {
    for (const place of placesOf(columns, conditions)) {
      const key = by === "time" ? 0 : valueAt(columns, by, place);
      if (Number.isNaN(key)) continue;
      const ids = idsByKey.get(key);
      if (ids) ids.push(valueAt(columns, "time", place));
      else idsByKey.set(key, [valueAt(columns, "time", place)]);
      total++;
    }
  }
  const ordered = new Uint32Array(total);
  let end = 0;
  for (const key of Float64Array.from(idsByKey.keys()).sort()) {
    const ids = idsByKey.get(key) as number[];
    ordered.set(Uint32Array.from(ids).sort(), end);
    end += ids.length;
  }
  return order === "ascending" ? ordered : ordered.reverse();
}
