import { type FileHandle, open, stat } from "node:fs/promises";
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

/** A file is kept open so long after it was read. */
const idleMs = 1000;

/** Memory of the largest slice that is lent. */
const lentBytes = 2 ** 26;

/** Memory that was lent, and is again. */
const returned: ArrayBuffer[] = [];

/** A file as hyparquet reads it. */
export class ParquetFile implements AsyncBuffer {
  readonly byteLength: number;
  /** When it was last changed, by the file system (ctime), ms since 1970. */
  readonly changedMs: number;
  readonly #path: string;
  /** Where what was read lies in the file. */
  readonly #starts = new WeakMap<ArrayBufferLike, number>();
  #handle: Promise<FileHandle> | null = null;
  #readers = 0;
  #idle: NodeJS.Timeout | undefined;

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
  slice(start: number, end: number = this.byteLength): Promise<ArrayBuffer> {
    return this.#slice(start, end, (length) => new ArrayBuffer(length));
  }

  /**
   * Lets `work` read slices into memory that others get afterwards: to be had anew, and cleared, costs more than the
   * reading.
   */
  async lend<T>(work: (file: AsyncBuffer) => Promise<T>): Promise<T> {
    const lent: ArrayBuffer[] = [];
    const take = (length: number): ArrayBuffer => {
      if (length > lentBytes) return new ArrayBuffer(length);
      const memory = returned.pop() ?? new ArrayBuffer(0, { maxByteLength: lentBytes });
      lent.push(memory);
      memory.resize(length);
      return memory;
    };
    try {
      const slice = (start: number, end = this.byteLength) => this.#slice(start, end, take);
      return await work({ byteLength: this.byteLength, slice });
    } finally {
      returned.push(...lent);
    }
  }

  async #slice(start: number, end: number, take: (length: number) => ArrayBuffer): Promise<ArrayBuffer> {
    const from = start < 0 ? Math.max(0, this.byteLength + start) : start;
    const length = end - from;
    if (!(length >= 0) || end > this.byteLength)
      throw new Error("it says that its data goes on behind its end");
    if (length > maxReadBytes)
      throw new Error(`${length} bytes in one piece, at most ${maxReadBytes}; write smaller row groups`);
    const memory = take(length);
    await this.#fill(new Uint8Array(memory), from);
    this.#starts.set(memory, from);
    return memory;
  }

  async read({ start, length }: Stretch): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length);
    await this.#fill(bytes, start);
    return bytes;
  }

  async #fill(bytes: Uint8Array, start: number): Promise<void> {
    const { bytesRead } = await this.#use((file) => file.read(bytes, 0, bytes.length, start));
    if (bytesRead < bytes.length) throw new Error("it was cut while it was read");
  }

  /** Opens the file for who reads it, and closes it when nobody has for a while. */
  async #use<T>(work: (file: FileHandle) => Promise<T>): Promise<T> {
    clearTimeout(this.#idle);
    this.#readers++;
    try {
      this.#handle ??= open(this.#path);
      return await work(await this.#handle);
    } catch (error) {
      this.#close();
      throw error;
    } finally {
      if (--this.#readers === 0) this.#idle = setTimeout(() => this.#close(), idleMs).unref();
    }
  }

  #close(): void {
    // Whoever still reads keeps it open until then.
    this.#handle?.then((file) => file.close()).catch(() => {});
    this.#handle = null;
  }

  isUntouched(): Promise<boolean> {
    return isAsItWas(this.#path, { bytes: this.byteLength, changedMs: this.changedMs });
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
