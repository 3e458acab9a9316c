import { open, stat } from "node:fs/promises";
import type { AsyncBuffer, Compressors } from "hyparquet";
import { compressors as all } from "hyparquet-compressors";
import { isAsItWas } from "../../images/stored_image.ts";

/** Nothing larger is read at once. */
export const maxReadBytes: number = 2 ** 29;

/** Bytes of a file. */
export class Stretch {
  readonly start: number;
  readonly length: number;

  constructor(start: number, length: number) {
    this.start = start;
    this.length = length;
  }
}

/** A file as hyparquet reads it. */
export class ParquetFile implements AsyncBuffer {
  readonly byteLength: number;
  /** When it was last changed, by the file system (ctime), ms since 1970. */
  readonly changedMs: number;
  readonly #path: string;
  /** Where what was read lies in the file. */
  readonly #starts = new WeakMap<ArrayBufferLike, number>();

  private constructor(path: string, byteLength: number, changedMs: number) {
    this.#path = path;
    this.byteLength = byteLength;
    this.changedMs = changedMs;
  }

  static async open(path: string): Promise<ParquetFile> {
    const { size, ctimeMs } = await stat(path);
    return new ParquetFile(path, size, ctimeMs);
  }

  /** Throws an `Error` where there are no such bytes, or too many to be read at once. */
  async slice(start: number, end: number = this.byteLength): Promise<ArrayBuffer> {
    const from = start < 0 ? Math.max(0, this.byteLength + start) : start;
    const length = end - from;
    if (!(length >= 0) || end > this.byteLength)
      throw new Error("it says that its data goes on behind its end");
    if (length > maxReadBytes)
      throw new Error(`${length} bytes in one piece, at most ${maxReadBytes}; write smaller row groups`);
    const bytes = await this.read(new Stretch(from, length));
    this.#starts.set(bytes.buffer, from);
    return bytes.buffer;
  }

  isUntouched(): Promise<boolean> {
    return isAsItWas(this.#path, { bytes: this.byteLength, changedMs: this.changedMs });
  }

  async read({ start, length }: Stretch): Promise<Uint8Array<ArrayBuffer>> {
    await using file = await open(this.#path);
    const bytes = new Uint8Array(length);
    const { bytesRead } = await file.read(bytes, 0, length, start);
    if (bytesRead < length) throw new Error("it was cut while it was read");
    return bytes;
  }

  /** Where bytes of a slice lie in the file; null for others, such as those that were compressed there. */
  find({ buffer, byteOffset, length }: Uint8Array): Stretch | null {
    const start = this.#starts.get(buffer);
    return start === undefined ? null : new Stretch(start + byteOffset, length);
  }
}

/** Those that hyparquet knows, for pages of a size that can be. */
export const compressors: Compressors = Object.fromEntries(
  Object.entries(all).map(([name, decompress]) => [
    name,
    (input: Uint8Array, length: number) => {
      if (!(length >= 0 && length <= maxReadBytes)) throw new Error(`a page of ${length} bytes`);
      return decompress(input, length);
    },
  ]),
);
