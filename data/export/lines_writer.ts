import { createHash, type Hash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { OutputFile, type WrittenFile, writeOutput } from "./output_file.ts";
import type { ImageFiles, Row, RowWriter, Written } from "./row.ts";
import { type Shard, Shards } from "./shards.ts";

/** Lines are small: a split is one file of them. */
const mostBytes = Number.POSITIVE_INFINITY;
const imagesName = "images";

/** Where a row's picture lies, relative to the set's folder. */
export function imagePathOf({ fileName }: Row): string {
  return `${imagesName}/${fileName}`;
}

/** A split as JSON, one object a line, with its pictures in a folder beside, each once. */
export class LinesWriter implements RowWriter {
  readonly #shards: Shards;
  readonly #folder: string;
  readonly #images = new Set<string>();
  readonly #hash: Hash = createHash("sha256");
  #imageBytes = 0;

  constructor(folder: string, recordOf: (row: Row) => object) {
    this.#folder = folder;
    const open = async (path: string): Promise<Shard> =>
      new LinesShard(await OutputFile.create(path), recordOf);
    this.#shards = new Shards(folder, mostBytes, (split) => `${split}.jsonl`, open);
  }

  async add(row: Row): Promise<void> {
    await this.#addImage(row);
    await this.#shards.add(row);
  }

  async #addImage(row: Row): Promise<void> {
    if (this.#images.has(row.fileName)) return;
    if (this.#images.size === 0) await mkdir(join(this.#folder, imagesName), { recursive: true });
    const { bytes, sha256 } = await writeOutput(join(this.#folder, imagePathOf(row)), row.picture.bytes);
    this.#images.add(row.fileName);
    this.#hash.update(`${sha256} ${imagePathOf(row)}\n`);
    this.#imageBytes += bytes;
  }

  async finish(): Promise<Written> {
    const { files } = await this.#shards.finish();
    const images: ImageFiles = {
      count: this.#images.size,
      bytes: this.#imageBytes,
      sha256: this.#hash.digest("hex"),
    };
    return { files, images };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#shards[Symbol.asyncDispose]();
  }
}

class LinesShard implements Shard {
  readonly #file: OutputFile;
  readonly #recordOf: (row: Row) => object;

  constructor(file: OutputFile, recordOf: (row: Row) => object) {
    this.#file = file;
    this.#recordOf = recordOf;
  }

  get bytes(): number {
    return this.#file.bytes;
  }

  add(row: Row): Promise<void> {
    return this.#file.write(Buffer.from(`${JSON.stringify(this.#recordOf(row))}\n`));
  }

  close(): Promise<WrittenFile> {
    return this.#file.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#file[Symbol.asyncDispose]();
  }
}
