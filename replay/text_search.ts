import { type CheckedQuery, ftsQuery } from "./query.ts";
import type { Queries } from "./sqlite.ts";

/**
 * How a query's text is looked for:
 *
 * - ordered: full-text search gives episodes by time, which is the order that is asked for;
 * - asked: it is asked about one episode after the other, which is fast for few, as a common word needs;
 * - listed: the ids of all that match stand in the temporary table `found`.
 */
export interface TextSearch {
  /** In the language of FTS5. */
  readonly match: string;
  readonly way: "ordered" | "asked" | "listed";
}

/** A word is common if it stands in one of this many episodes. */
const COMMON = 10;

/** Prepares the search for a query's text; null where the query has none. */
export function searchText(database: Queries, query: CheckedQuery): TextSearch | null {
  const match = query.text === undefined ? null : ftsQuery(query.text);
  if (match === null) return null;
  if (query.sort.by === "time") return { match, way: "ordered" };
  const isAlone =
    Object.keys(query.ranges).length === 0 && query.finishReason === undefined && query.image === undefined;
  // A beginning stands for many words, whose episodes are merged anew each time that it is asked about.
  if (isAlone && !match.includes('"*') && isCommon(database, match)) return { match, way: "asked" };
  return listed(database, match);
}

function isCommon(database: Queries, match: string): boolean {
  const many = Math.ceil((database.value<number>("SELECT max(id) FROM episodes") ?? 0) / COMMON);
  const sql = "SELECT count(*) FROM (SELECT 1 FROM texts WHERE texts MATCH ? LIMIT ?)";
  return database.value<number>(sql, [match, many]) === many;
}

/** Lists all that match, once for all that a page needs. */
export function listed(database: Queries, match: string): TextSearch {
  database.prepare("CREATE TEMP TABLE IF NOT EXISTS found (id INTEGER PRIMARY KEY)").run();
  database.prepare("DELETE FROM temp.found").run();
  const sql = "INSERT INTO temp.found SELECT rowid FROM texts WHERE texts MATCH ? ORDER BY rowid";
  database.prepare(sql).run([match]);
  return { match, way: "listed" };
}
