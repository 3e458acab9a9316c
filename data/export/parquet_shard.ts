import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { type Features, holdsImages, huggingFaceInfo, schemaOf } from "./features.ts";
import { OutputFile, type WrittenFile } from "./output_file.ts";
import type { Row } from "./row.ts";
import type { Shard } from "./shards.ts";

/** Readers hold a row group in memory. */
const groupRows = 100;
const groupBytes = 64 * 2 ** 20;

/** The cells of a row, by column. */
export type CellsOf = (row: Row) => Readonly<Record<string, unknown>>;

/** A Parquet file; no more than a row group of it is in memory. */
export class ParquetShard implements Shard {
  readonly #file: OutputFile;
  readonly #features: Features;
  readonly #cellsOf: CellsOf;
  readonly #buffer: ByteWriter = new ByteWriter();
  readonly #writer: ParquetWriter;
  #group: Readonly<Record<string, unknown>>[] = [];
  #groupBytes = 0;

  private constructor(file: OutputFile, features: Features, cellsOf: CellsOf) {
    this.#file = file;
    this.#features = features;
    this.#cellsOf = cellsOf;
    this.#writer = new ParquetWriter({
      writer: this.#buffer,
      schema: schemaOf(features),
      kvMetadata: [{ key: "huggingface", value: huggingFaceInfo(features) }],
      createdBy: "visplay",
    });
  }

  static async create(path: string, features: Features, cellsOf: CellsOf): Promise<ParquetShard> {
    return new ParquetShard(await OutputFile.create(path), features, cellsOf);
  }

  get bytes(): number {
    return this.#file.bytes + this.#groupBytes;
  }

  async add(row: Row): Promise<void> {
    this.#group.push(this.#cellsOf(row));
    this.#groupBytes += row.picture.bytes.length;
    if (this.#group.length >= groupRows || this.#groupBytes >= groupBytes) await this.#writeGroup();
  }

  async close(): Promise<WrittenFile> {
    if (this.#group.length > 0) await this.#writeGroup();
    await this.#writer.finish();
    await this.#flush();
    return this.#file.close();
  }

  async #writeGroup(): Promise<void> {
    const columnData = Object.entries(this.#features).map(([name, type]) => ({
      name,
      data: this.#group.map((cells) => cells[name]),
      offsetIndex: false,
      // What is compressed already; and whoever wants one picture reads it from its place.
      ...(holdsImages(type) && ({ codec: "UNCOMPRESSED", encoding: "PLAIN", statistics: false } as const)),
    }));
    await this.#writer.write({ columnData, rowGroupSize: this.#group.length });
    this.#group = [];
    this.#groupBytes = 0;
    await this.#flush();
  }

  async #flush(): Promise<void> {
    await this.#file.write(this.#buffer.getBytes());
    this.#buffer.index = 0;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#file[Symbol.asyncDispose]();
  }
}
