import { type Column, type Columns, columnsAfter, packedEvents } from "./columns.ts";
import type { Condition } from "./conditions.ts";
import type { Cursor } from "./query.ts";
import type { Queries, Row } from "./sqlite.ts";

/** The episodes of a phase whose columns are stored together, and what in an order none of them is before. */
export interface Block {
  /** The event that it begins at. */
  readonly first: number;
  /** As it is stored. */
  readonly phase: number;
  readonly best: Cursor;
}

/** Blocks that are read at once, at most. */
export const MOST_BLOCKS = 128;

/** Finds the columns that a query is about. */
export class Search {
  readonly #database: Queries;
  readonly #phases: readonly number[];
  readonly #conditions: readonly Condition[];
  readonly #key: string;
  readonly #figures: readonly string[];

  constructor(database: Queries, phases: readonly number[], conditions: readonly Condition[], key: string) {
    this.#database = database;
    this.#phases = phases;
    this.#conditions = conditions;
    this.#key = key;
    this.#figures = [...new Set(["time", key, ...conditions.map(({ figure }) => figure)])];
  }

  /** All that may hold what the conditions demand, the newest first. */
  *all(): Generator<Columns> {
    yield* this.unpacked();
    const blocks = this.blocks("descending");
    for (let i = 0; i < blocks.length; i += MOST_BLOCKS) {
      yield* this.columnsOf(blocks.slice(i, i + MOST_BLOCKS));
    }
  }

  /** Columns of what was recorded last, which are not stored yet. */
  *unpacked(): Generator<Columns> {
    const after = packedEvents(this.#database);
    for (const [phase, columns] of columnsAfter(this.#database, after, this.#figures))
      if (this.#phases.includes(phase) && this.#figures.every((figure) => columns.has(figure))) yield columns;
  }

  /** The blocks that may hold what the conditions demand, in order of their best. */
  blocks(order: "ascending" | "descending"): Block[] {
    const joins = this.#conditions.map((_, i) => {
      const block = `c${i}.first = k.first AND c${i}.phase = k.phase`;
      const mayHold = `c${i}.greatest >= ? AND c${i}.least <= ?`;
      return `CROSS JOIN columns c${i} INDEXED BY columns_ranges ON c${i}.figure = ? AND ${block} AND ${mayHold}`;
    });
    const bounds = this.#conditions.flatMap(({ figure, min, max }) => [figure, min, max]);
    const [best, direction] = order === "ascending" ? ["least", "ASC"] : ["greatest", "DESC"];
    const sql = `SELECT k.first, k.last, k.phase, k.${best} AS key
      FROM columns k INDEXED BY columns_ranges ${joins.join(" ")}
      WHERE k.figure = ? AND k.phase IN (${this.#phases})
      ORDER BY k.${best} ${direction}, k.first ${direction}`;
    const rows = this.#database.prepare(sql).all<BlockRow>([...bounds, this.#key]);
    return rows.map(({ first, last, phase, key }) => {
      return { first, phase, best: { key, id: order === "ascending" ? first : last } };
    });
  }

  /** The columns of some blocks. */
  columnsOf(blocks: readonly Pick<Block, "first" | "phase">[]): Columns[] {
    const parts = this.#figures.map((_, i) => `c${i}.least AS least${i}, c${i}.data AS data${i}`);
    const joins = this.#figures.map((_, i) => {
      const block = `c${i}.first = b.value ->> 0 AND c${i}.phase = b.value ->> 1`;
      return `CROSS JOIN columns c${i} ON c${i}.figure = ? AND ${block}`;
    });
    const sql = `SELECT c0.episodes, ${parts} FROM json_each(?) b ${joins.join(" ")}`;
    const list = JSON.stringify(blocks.map(({ first, phase }) => [first, phase]));
    const rows = this.#database.prepare(sql).all([list, ...this.#figures]);
    return rows.map((row) => new Map(this.#figures.map((figure, i) => [figure, columnIn(row, i)])));
  }
}

interface BlockRow {
  readonly first: number;
  readonly last: number;
  readonly phase: number;
  readonly key: number;
}

function columnIn(row: Row, i: number): Column {
  const episodes = row.episodes as number;
  const data = row[`data${i}`] as Uint8Array | null;
  const kind = data?.length === episodes * Float32Array.BYTES_PER_ELEMENT ? Float32Array : Float64Array;
  return {
    least: row[`least${i}`] as number,
    values: data && new kind(data.buffer as ArrayBuffer, data.byteOffset, episodes),
  };
}
