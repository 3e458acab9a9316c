import type { NewRow } from "./episode_rows.ts";
import { type EpisodeOrigin, phaseRow } from "./phases.ts";
import type { Database } from "./sqlite.ts";

/** Entries that are kept in memory; beyond that, all are looked up anew. */
const KEPT = 20_000;

type Table = "images" | "prompts" | "shapes" | "figures" | "phases" | "tool_sets";

/** What is stored once and named by a number: images, prompts, tools, lists of names, figures, and what episodes are of. */
export class Dictionary {
  readonly #database: Database;
  readonly #ids = new Map<string, number>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** The number of what an episode is of, which is made where there is none. */
  phase({ stage, phase, role, type }: EpisodeOrigin): number {
    const entry = { stage, name: phase, role, type };
    return this.#known("phases", entry, () => {
      const id = (this.#database.value<number>("SELECT max(id) FROM phases") ?? 0) + 1;
      return this.#add("phases", { ...phaseRow({ id, stage, phase, role, type }) });
    });
  }

  /** The number of an entry, which is made where there is none. */
  id(table: Exclude<Table, "phases">, entry: NewRow): number {
    return this.#known(table, entry, () => this.#add(table, entry));
  }

  /** Needed after a transaction that failed: what it added is gone. */
  forget(): void {
    this.#ids.clear();
  }

  #known(table: Table, entry: NewRow, add: () => number): number {
    const key = [table, ...Object.values(entry)].join("\0");
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    if (this.#ids.size >= KEPT) this.forget();
    const id = this.#find(table, entry) ?? add();
    this.#ids.set(key, id);
    return id;
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
