import type { FileHandle } from "node:fs/promises";

/** A file's bytes, read where they are wanted. */
export interface Bytes {
  readonly length: number;
  /** The bytes from `start` on; fewer than `count` where the file ends. */
  read(start: number, count: number): Promise<Buffer>;
}

export function bytesInMemory(bytes: Uint8Array): Bytes {
  const all = bufferOf(bytes);
  return { length: all.length, read: async (start, count) => all.subarray(start, start + count) };
}

export function bytesOfFile(file: FileHandle, length: number): Bytes {
  return {
    length,
    async read(start, count) {
      const wanted = Math.max(0, Math.min(count, length - start));
      if (wanted === 0) return Buffer.alloc(0);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(wanted), 0, wanted, start);
      return buffer.subarray(0, bytesRead);
    },
  };
}

/** The same memory as a buffer. */
export function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
