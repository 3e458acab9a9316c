import type { NewRow } from "./episode_rows.ts";
import type { EpisodeEvent } from "./events.ts";
import type { Database } from "./sqlite.ts";

/** Entries that are kept in memory; beyond that, all are looked up anew. */
const KEPT = 20_000;

type Table = "images" | "prompts" | "shapes" | "figures";

/** How `phase` is stored. */
export const phases: readonly EpisodeEvent["phase"][] = ["questioner", "curriculum", "reasoner"];

/** What is stored once and named by a number: images, prompts, lists of names, and figures. */
export class Dictionary {
  readonly #database: Database;
  readonly #ids = new Map<string, number>();

  constructor(database: Database) {
    this.#database = database;
  }

  phase(name: EpisodeEvent["phase"]): number {
    return phases.indexOf(name) + 1;
  }

  /** The number of an entry, which is made where there is none. */
  id(table: Table, entry: NewRow): number {
    const values = Object.values(entry);
    const key = [table, ...values].join("\0");
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    if (this.#ids.size >= KEPT) this.forget();
    const id = this.#find(table, entry) ?? this.#add(table, entry);
    this.#ids.set(key, id);
    return id;
  }

  /** Needed after a transaction that failed: what it added is gone. */
  forget(): void {
    this.#ids.clear();
  }

  #find(table: Table, entry: NewRow): number | undefined {
    const matches = Object.keys(entry).map((column) => `${column} = ?`);
    const sql = `SELECT id FROM ${table} WHERE ${matches.join(" AND ")}`;
    return this.#database.prepare(sql).get<{ id: number }>(Object.values(entry))?.id;
  }

  #add(table: Table, entry: NewRow): number {
    const columns = Object.keys(entry);
    const sql = `INSERT INTO ${table} (${columns.join()}) VALUES (${columns.map(() => "?").join()})`;
    this.#database.prepare(sql).run(Object.values(entry));
    return this.#find(table, entry) as number;
  }
}
