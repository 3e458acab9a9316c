import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";

/** A file that was written. */
export interface WrittenFile {
  readonly bytes: number;
  /** Of its content, hexadecimal. */
  readonly sha256: string;
}

/** A file that is written from its beginning to its end, and is on the disk itself when it is closed. */
export class OutputFile implements AsyncDisposable {
  readonly #handle: FileHandle;
  readonly #hash: Hash = createHash("sha256");
  #bytes = 0;
  #isOpen = true;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  static async create(path: string): Promise<OutputFile> {
    return new OutputFile(await open(path, "w"));
  }

  get bytes(): number {
    return this.#bytes;
  }

  async write(content: Uint8Array): Promise<void> {
    this.#hash.update(content);
    this.#bytes += content.length;
    for (let at = 0; at < content.length; ) at += (await this.#handle.write(content, at)).bytesWritten;
  }

  async close(): Promise<WrittenFile> {
    await this.#handle.sync();
    await this[Symbol.asyncDispose]();
    return { bytes: this.#bytes, sha256: this.#hash.digest("hex") };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOpen) await this.#handle.close();
    this.#isOpen = false;
  }
}

/** Writes a whole file. */
export async function writeOutput(path: string, content: Uint8Array | string): Promise<WrittenFile> {
  await using file = await OutputFile.create(path);
  await file.write(typeof content === "string" ? Buffer.from(content) : content);
  return file.close();
}
