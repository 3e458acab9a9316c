import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { type Features, holdsImages, huggingFaceInfo, schemaOf } from "./features.ts";
import { OutputFile, type WrittenFile } from "./output_file.ts";

/** Readers hold a row group in memory. */
const groupRows = 100;
const groupBytes = 64 * 2 ** 20;
/** And read at least a page. */
const pageBytes = 2 ** 16;

/** What a row holds, by column. */
export type RowCells = Readonly<Record<string, unknown>>;

/** A Parquet file; no more than a row group of it is in memory. */
export class ParquetRows implements AsyncDisposable {
  readonly #file: OutputFile;
  readonly #features: Features;
  readonly #buffer: ByteWriter = new ByteWriter();
  readonly #writer: ParquetWriter;
  #group: RowCells[] = [];
  #groupBytes = 0;

  private constructor(file: OutputFile, features: Features) {
    this.#file = file;
    this.#features = features;
    this.#writer = new ParquetWriter({
      writer: this.#buffer,
      schema: schemaOf(features),
      kvMetadata: [{ key: "huggingface", value: huggingFaceInfo(features) }],
      createdBy: "visplay",
    });
  }

  static async create(path: string, features: Features): Promise<ParquetRows> {
    return new ParquetRows(await OutputFile.create(path), features);
  }

  /** So far, about. */
  get bytes(): number {
    return this.#file.bytes + this.#groupBytes;
  }

  /** Adds a row that takes about so many bytes. */
  async add(cells: RowCells, bytes: number): Promise<void> {
    this.#group.push(cells);
    this.#groupBytes += bytes;
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
      // What is compressed already; and whoever wants one picture finds it by the index, and reads it from its place.
      ...(holdsImages(type) &&
        ({ codec: "UNCOMPRESSED", encoding: "PLAIN", statistics: false, offsetIndex: true } as const)),
    }));
    await this.#writer.write({ columnData, rowGroupSize: this.#group.length, pageSize: pageBytes });
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
