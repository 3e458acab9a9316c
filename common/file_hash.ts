import { createHash, type Hash } from "node:crypto";
import { createReadStream, type PathLike } from "node:fs";

/** Read at once: on a busy machine each read waits for its turn. */
const readBytes = 4 * 2 ** 20;

/** Bytes of a file from `start` to `end`, both included; all of it where neither is given. */
export interface FilePart {
  readonly start?: number;
  readonly end?: number;
}

/** The SHA-256 of a file's content, or of a part of it, to be digested. Rejects where it cannot be read. */
export async function hashFile(path: PathLike, part: FilePart = {}): Promise<Hash> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: readBytes, ...part })) hash.update(chunk);
  return hash;
}
