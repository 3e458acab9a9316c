import type { Features } from "./features.ts";
import type { WrittenFile } from "./output_file.ts";
import { ParquetRows, type RowCells } from "./parquet_rows.ts";
import type { Row } from "./row.ts";
import type { Shard } from "./shards.ts";

/** The cells of a row, by column. */
export type CellsOf = (row: Row) => RowCells;

/** Rows in a Parquet file. */
export class ParquetShard implements Shard {
  readonly #rows: ParquetRows;
  readonly #cellsOf: CellsOf;

  private constructor(rows: ParquetRows, cellsOf: CellsOf) {
    this.#rows = rows;
    this.#cellsOf = cellsOf;
  }

  static async create(path: string, features: Features, cellsOf: CellsOf): Promise<ParquetShard> {
    return new ParquetShard(await ParquetRows.create(path, features), cellsOf);
  }

  get bytes(): number {
    return this.#rows.bytes;
  }

  add(row: Row): Promise<void> {
    return this.#rows.add(this.#cellsOf(row), row.picture.bytes.length);
  }

  close(): Promise<WrittenFile> {
    return this.#rows.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#rows[Symbol.asyncDispose]();
  }
}
