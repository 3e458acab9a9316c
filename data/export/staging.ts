import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { syncFolder } from "../../common/disk.ts";

/**
 * Lets `write` fill a folder beside `folder`, and gives it that name once all of it is on the disk; nothing is left where
 * that fails, and what an earlier one that was killed has left goes.
 */
export async function writeFolder<T>(folder: string, write: (staging: string) => Promise<T>): Promise<T> {
  const target = resolve(folder);
  const staging = join(dirname(target), `.${basename(target)}.partial`);
  try {
    await rm(staging, { recursive: true, force: true });
    await mkdir(staging, { recursive: true });
    const result = await write(staging);
    await syncFolders(staging);
    await rename(staging, target);
    await syncFolder(dirname(target));
    return result;
  } catch (error) {
    await rm(staging, { recursive: true, force: true }).catch(() => {});
    throw error;
  }
}

async function syncFolders(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (entry.isDirectory()) await syncFolders(join(folder, entry.name));
  await syncFolder(folder);
}
