import { createHash } from "node:crypto";
import { mkdir, realpath, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { threadId } from "node:worker_threads";
import { cacheFolder } from "../../common/cache_folder.ts";
import { VisplayError } from "../../common/errors.ts";
import type { TensorPlace } from "./safetensors.ts";

/** Files that this thread is making, by their paths. */
const underWay = new Map<string, Promise<void>>();

/**
 * The path of a file in the cache folder, made by `write` unless it is there and `fits`; it appears whole or not at all.
 * Throws a `VisplayError` of code "disk" where that cannot be written.
 */
export async function cachedFile(
  name: string,
  fits: (path: string) => Promise<boolean>,
  write: (path: string) => Promise<void>,
): Promise<string> {
  const folder = cacheFolder();
  const path = join(folder, name);
  if (await fits(path)) return path;
  const make = async (): Promise<void> => {
    const own = `${path}.${process.pid}-${threadId}`;
    await mkdir(folder, { recursive: true }).catch((cause) => {
      throw new VisplayError("disk", `${folder}: cannot be made: ${cause.message}`, { cause });
    });
    await write(own);
    await rename(own, path);
  };
  const making = underWay.get(path) ?? make().finally(() => underWay.delete(path));
  underWay.set(path, making);
  await making;
  return path;
}

/** Names tensors by their files' identity, size and time of change, and by their places. */
export async function identityOf(tensors: ReadonlyMap<string, TensorPlace>): Promise<string> {
  const hash = createHash("sha256");
  for (const path of new Set([...tensors.values()].map((place) => place.path))) {
    const { size, mtimeMs } = await stat(path);
    hash.update(JSON.stringify([await realpath(path), size, mtimeMs]));
  }
  for (const [name, { offset, dtype, shape }] of tensors)
    hash.update(JSON.stringify([name, offset, dtype, shape]));
  return hash.digest("hex").slice(0, 32);
}
