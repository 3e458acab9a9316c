import { statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/** Free bytes where a folder is or would be made. */
export async function freeBytes(folder: string): Promise<number> {
  const path = resolve(folder);
  try {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  } catch (error) {
    if (dirname(path) === path) throw error;
    return freeBytes(dirname(path));
  }
}
