import { existsSync, readdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { VisplayError } from "../common/errors.ts";
import { REPLAY_NAME } from "../replay/schema.ts";

/** The runs that are shown, by the keys that name them in addresses. */
export class RunFolders {
  readonly #paths: readonly string[];
  #known: ReadonlyMap<string, string> = new Map();

  constructor(paths: readonly string[]) {
    this.#paths = paths;
  }

  /** Looks anew, so that a run that began meanwhile appears. Throws as `findRuns` does. */
  list(): ReadonlyMap<string, string> {
    this.#known = findRuns(this.#paths);
    return this.#known;
  }

  /** A run's folder by its key; since every picture asks, looks anew only where none is known, or it is gone. */
  folder(key: string): string | undefined {
    const known = this.#known.get(key);
    return known !== undefined && isRun(known) ? known : this.list().get(key);
  }
}

/**
 * The runs in these folders, each of which is one, or holds some: by their keys, in the order in which they were given.
 * Throws "notARun" where there is none.
 */
export function findRuns(paths: readonly string[]): ReadonlyMap<string, string> {
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

function isRun(folder: string): boolean {
  return existsSync(join(folder, REPLAY_NAME));
}

function runsAt(path: string): string[] {
  if (isRun(path)) return [path];
  const inside = entriesOf(path).map((name) => join(path, name));
  const runs = inside.filter(isRun);
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
