import type { Features } from "./features.ts";
import type { WrittenFile } from "./output_file.ts";
import { ParquetRows, type RowCells } from "./parquet_rows.ts";
import type { NamedPicture, SplitRow } from "./row.ts";
import { type Shard, Shards } from "./shards.ts";

/** How rows become those of Parquet files. */
export interface ParquetForm<R> {
  readonly features: Features;
  /** The cells of a row, by column. */
  readonly cellsOf: (row: R) => RowCells;
  readonly picturesOf: (row: R) => readonly NamedPicture[];
}

/** The Parquet files of a split, as a pattern relative to the set's folder. */
export function parquetFilesOf(split: string): string {
  return `data/${split}-*.parquet`;
}

/** Rows in Parquet files of about so many bytes. */
export function parquetShards<R extends SplitRow>(
  folder: string,
  shardBytes: number,
  form: ParquetForm<R>,
): Shards<R> {
  const digits = (value: number): string => String(value).padStart(5, "0");
  return new Shards<R>(
    folder,
    shardBytes,
    (split, shard, shards) => `data/${split}-${digits(shard)}-of-${digits(shards)}.parquet`,
    (path) => ParquetShard.create(path, form),
  );
}

/** Rows in a Parquet file. */
class ParquetShard<R> implements Shard<R> {
  readonly #rows: ParquetRows;
  readonly #form: ParquetForm<R>;

  private constructor(rows: ParquetRows, form: ParquetForm<R>) {
    this.#rows = rows;
    this.#form = form;
  }

  static async create<R>(path: string, form: ParquetForm<R>): Promise<ParquetShard<R>> {
    return new ParquetShard(await ParquetRows.create(path, form.features), form);
  }

  get bytes(): number {
    return this.#rows.bytes;
  }

  add(row: R): Promise<void> {
    const bytes = this.#form.picturesOf(row).reduce((sum, { picture }) => sum + picture.bytes.length, 0);
    return this.#rows.add(this.#form.cellsOf(row), bytes);
  }

  close(): Promise<WrittenFile> {
    return this.#rows.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#rows[Symbol.asyncDispose]();
  }
}
