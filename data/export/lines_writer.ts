import { createHash, type Hash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { OutputFile, type WrittenFile, writeOutput } from "./output_file.ts";
import type { ImageFiles, NamedPicture, RowWriter, SplitRow, Written } from "./row.ts";
import { type Shard, Shards } from "./shards.ts";

/** Lines are small: a split is one file of them. */
const mostBytes = Number.POSITIVE_INFINITY;
const imagesName = "images";

/** Where a picture lies, relative to the set's folder. */
export function imagePathOf({ fileName }: Pick<NamedPicture, "fileName">): string {
  return `${imagesName}/${fileName}`;
}

/** A split as JSON, one object a line, with its pictures in a folder beside, each once. */
export class LinesWriter<R extends SplitRow> implements RowWriter<R> {
  readonly #shards: Shards<R>;
  readonly #picturesOf: (row: R) => readonly NamedPicture[];
  readonly #folder: string;
  readonly #images = new Set<string>();
  readonly #hash: Hash = createHash("sha256");
  #imageBytes = 0;

  constructor(folder: string, recordOf: (row: R) => object, picturesOf: (row: R) => readonly NamedPicture[]) {
    this.#folder = folder;
    this.#picturesOf = picturesOf;
    const open = async (path: string): Promise<Shard<R>> =>
      new LinesShard(await OutputFile.create(path), recordOf);
    this.#shards = new Shards(folder, mostBytes, (split) => `${split}.jsonl`, open);
  }

  async add(row: R): Promise<void> {
    for (const picture of this.#picturesOf(row)) await this.#addImage(picture);
    await this.#shards.add(row);
  }

  async #addImage(named: NamedPicture): Promise<void> {
    if (this.#images.has(named.fileName)) return;
    if (this.#images.size === 0) await mkdir(join(this.#folder, imagesName), { recursive: true });
    const { bytes, sha256 } = await writeOutput(join(this.#folder, imagePathOf(named)), named.picture.bytes);
    this.#images.add(named.fileName);
    this.#hash.update(`${sha256} ${imagePathOf(named)}\n`);
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

class LinesShard<R> implements Shard<R> {
  readonly #file: OutputFile;
  readonly #recordOf: (row: R) => object;

  constructor(file: OutputFile, recordOf: (row: R) => object) {
    this.#file = file;
    this.#recordOf = recordOf;
  }

  get bytes(): number {
    return this.#file.bytes;
  }

  add(row: R): Promise<void> {
    return this.#file.write(Buffer.from(`${JSON.stringify(this.#recordOf(row))}\n`));
  }

  close(): Promise<WrittenFile> {
    return this.#file.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#file[Symbol.asyncDispose]();
  }
}
