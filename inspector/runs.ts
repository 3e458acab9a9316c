import { existsSync, readdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { VisplayError } from "../common/errors.ts";
import { REPLAY_NAME } from "../replay/schema.ts";

/** The runs that are shown, by the keys that name them in addresses, in the order in which they were given. */
export type RunFolders = ReadonlyMap<string, string>;

/**
 * The runs in these folders: each is one, or holds some. Throws "notARun" where there is none. Read anew for each list, so
 * that a run that begins later appears.
 */
export function findRuns(paths: readonly string[]): RunFolders {
  const folders = [...new Set(paths.flatMap((path) => runsAt(resolve(path))))];
  const keys = new Map<string, string>();
  for (const folder of folders) {
    const name = basename(folder);
    let key = name;
    for (let copy = 2; keys.has(key); copy++) key = `${name}-${copy}`;
    keys.set(key, folder);
  }
  return keys;
}

function runsAt(path: string): string[] {
  if (existsSync(join(path, REPLAY_NAME))) return [path];
  const inside = entriesOf(path).map((name) => join(path, name));
  const runs = inside.filter((folder) => existsSync(join(folder, REPLAY_NAME)));
  if (runs.length > 0) return runs;
  const found = `found no ${REPLAY_NAME} there, nor in a folder in it`;
  throw new VisplayError("notARun", `${path}: ${found}; expected the folder of a run, or of several runs`);
}

function entriesOf(path: string): string[] {
  try {
    return readdirSync(path).sort();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const reason = code === "ENOENT" ? "there is no such folder" : message;
    throw new VisplayError("notARun", `${path}: ${reason}`, { cause });
  }
}
