import { OutputFile, type WrittenFile } from "./output_file.ts";
import type { Row } from "./row.ts";
import type { Shard } from "./shards.ts";

const blockBytes = 512;

/** A WebDataset tar: each row is a JSON and a picture of one name, side by side. */
export class TarShard implements Shard {
  readonly #file: OutputFile;
  readonly #recordOf: (row: Row) => object;

  private constructor(file: OutputFile, recordOf: (row: Row) => object) {
    this.#file = file;
    this.#recordOf = recordOf;
  }

  static async create(path: string, recordOf: (row: Row) => object): Promise<TarShard> {
    return new TarShard(await OutputFile.create(path), recordOf);
  }

  get bytes(): number {
    return this.#file.bytes;
  }

  async add(row: Row): Promise<void> {
    const key = String(row.index).padStart(9, "0");
    await this.#member(`${key}.json`, Buffer.from(JSON.stringify(this.#recordOf(row))));
    await this.#member(`${key}.${row.picture.extension}`, row.picture.bytes);
  }

  async close(): Promise<WrittenFile> {
    await this.#file.write(Buffer.alloc(2 * blockBytes));
    return this.#file.close();
  }

  async #member(name: string, content: Uint8Array): Promise<void> {
    const padding = Buffer.alloc(-content.length & (blockBytes - 1));
    await this.#file.write(Buffer.concat([tarHeader(name, content.length), content, padding]));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#file[Symbol.asyncDispose]();
  }
}

/** POSIX ustar: of nobody, at no time, so that the same content is the same bytes. */
function tarHeader(name: string, bytes: number): Buffer {
  const header = Buffer.alloc(blockBytes);
  const octal = (value: number, at: number, digits: number): void => {
    header.write(`${value.toString(8).padStart(digits, "0")}\0`, at, "latin1");
  };
  header.write(name, 0, "latin1");
  octal(0o644, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(bytes, 124, 11);
  octal(0, 136, 11);
  header.write("        0", 148, "latin1");
  header.write("ustar\x0000", 257, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return header;
}
