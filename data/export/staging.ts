import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { syncFolder } from "../../common/disk.ts";
import { isAlive } from "../../common/processes.ts";

/**
 * Lets `write` fill a folder of this process's own beside `folder`, and gives it that name once all of it is on the disk;
 * nothing is left where that fails. `say` is told of what processes of this machine that were killed have left, which goes.
 */
export async function writeFolder<T>(
  folder: string,
  write: (staging: string) => Promise<T>,
  say: (line: string) => void,
): Promise<T> {
  const target = resolve(folder);
  await clearLeftOvers(target, say);
  const staging = join(dirname(target), stagingName(target, process.pid, ++count));
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

/** Folders that this process has filled. */
let count = 0;

function stagingName(target: string, pid: number, count: number): string {
  return `.${basename(target)}.${hostname()}-${pid}-${count}.partial`;
}

async function clearLeftOvers(target: string, say: (line: string) => void): Promise<void> {
  const folder = dirname(target);
  for (const name of await readdir(folder).catch(() => [])) {
    const [pid = 0, count = 0] = (/-(\d+)-(\d+)\.partial$/.exec(name) ?? []).slice(1).map(Number);
    if (name !== stagingName(target, pid, count) || isAlive(pid)) continue;
    await rm(join(folder, name), { recursive: true, force: true });
    say(`cleared ${join(folder, name)}, left by process ${pid}, which has ended`);
  }
}

async function syncFolders(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (entry.isDirectory()) await syncFolders(join(folder, entry.name));
  await syncFolder(folder);
}
