import { lastEvent } from "./damage.ts";
import { ftsQuery } from "./query.ts";
import type { Queries } from "./sqlite.ts";

/** Numbers of episodes. */
class EpisodeSet {
  readonly first: number;
  readonly last: number;
  readonly #members: Uint8Array;

  /** Takes numbers in order, with commas between them. */
  constructor(list: string) {
    this.first = Number.parseInt(list, 10) || 0;
    this.last = Number.parseInt(list.slice(list.lastIndexOf(",") + 1), 10) || -1;
    this.#members = new Uint8Array(this.last - this.first + 1);
    let id = 0;
    for (let i = 0; i < list.length; i++) {
      const digit = list.charCodeAt(i) - 48;
      if (digit >= 0) {
        id = id * 10 + digit;
        continue;
      }
      this.#members[id - this.first] = 1;
      id = 0;
    }
    this.#members[id - this.first] = 1;
  }

  has(id: number): boolean {
    return this.#members[id - this.first] === 1;
  }
}

/** What was found last in each database, for the pages that follow: the text, the last episode, and the result. */
const found = new WeakMap<
  Queries,
  { readonly match: string; readonly last: number; readonly set: EpisodeSet }
>();

/** Episodes in which a text occurs; null where it holds no word, which restricts nothing. */
export function episodesSaying(database: Queries, text: string): EpisodeSet | null {
  const match = ftsQuery(text);
  if (match === null) return null;
  const last = lastEvent(database);
  const known = found.get(database);
  if (known?.match === match && known.last === last) return known.set;
  // One text for all: half a million rows would take longer to hand over than to find.
  const sql = `SELECT group_concat(rowid) AS list
    FROM (SELECT rowid FROM texts WHERE texts MATCH ? ORDER BY rowid)`;
  const set = new EpisodeSet(database.prepare(sql).get<{ list: string | null }>([match])?.list ?? "");
  found.set(database, { match, last, set });
  return set;
}
