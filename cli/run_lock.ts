import { readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { diskError } from "../common/disk.ts";
import { VisplayError } from "../common/errors.ts";
import { isSameProcess, type ProcessName, sharesProcesses, thisProcess } from "./process_name.ts";

/** Who works on a run. */
interface Owner extends ProcessName {
  /** ISO 8601. */
  readonly since: string;
}

const lockName = "lock.json";

/** A process that has a lock says so by the file's time, for those who cannot ask for the process itself. */
const TOUCH_MS = 10_000;

/** After so long without that, one of the same host, but of another start of it or another container, has ended. */
const SILENT_MS = 120_000;

/** Keeps a run's folder to one process; let go when disposed. */
export class RunLock implements AsyncDisposable {
  readonly #path: string;
  readonly #text: string;
  readonly #timer: NodeJS.Timeout;
  #isHeld = true;

  private constructor(path: string, text: string) {
    this.#path = path;
    this.#text = text;
    this.#timer = setInterval(() => {
      const now = new Date();
      utimes(path, now, now).catch(() => {});
    }, TOUCH_MS);
    this.#timer.unref();
  }

  /**
   * Takes the lock of a folder that exists. That of a process which ended without letting go is taken over, and `say`
   * told. Throws "run" with the owner's host and number where somebody has it, or where the file is no lock.
   */
  static async take(folder: string, say: (line: string) => void): Promise<RunLock> {
    const path = join(folder, lockName);
    const owner: Owner = { ...(await thisProcess()), since: new Date().toISOString() };
    const text = `${JSON.stringify(owner)}\n`;
    for (let tries = 0; tries < 30; tries++) {
      if (await createFile(path, text)) return new RunLock(path, text);
      const found = await lockAt(path);
      if (found === null) continue;
      if (found.isAtWork) throw ownedError(folder, path, found);
      if (!(await underGuard(path, text, () => removeIfStill(path, found.text)))) await sleep(100);
      else say(`${path} is left from process ${found.owner?.pid ?? "?"}, which has ended; going on`);
    }
    throw new VisplayError("run", `${path}: cannot be taken; delete it if nobody uses the run`);
  }

  /** Lets go, once, and only of what is still this process's own. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    clearInterval(this.#timer);
    await removeIfStill(this.#path, this.#text);
  }
}

/** A lock, or a guard, that is there already. */
interface Found {
  readonly text: string;
  /** Null where its text was never finished. */
  readonly owner: Owner | null;
  readonly isAtWork: boolean;
}

/** What is at a path, null where nothing is any more. Throws "run" for what is no lock, "disk" where it cannot be read. */
async function lockAt(path: string): Promise<Found | null> {
  try {
    const [text, { mtimeMs }] = [await readFile(path, "utf8"), await stat(path)];
    const owner = ownerIn(path, text);
    const silentMs = Date.now() - mtimeMs;
    return { text, owner, isAtWork: owner !== null && (await isAtWork(owner, silentMs)) };
  } catch (cause) {
    if (cause instanceof VisplayError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") return null;
    if (code === "EISDIR") throw noLockError(path, "a folder");
    throw new VisplayError("disk", `could not read ${path}: ${message}`, { cause });
  }
}

/** Null where the text was never finished: the process, or the machine, ended before. */
function ownerIn(path: string, text: string): Owner | null {
  try {
    const value: Partial<Owner> | null = JSON.parse(text);
    if (typeof value?.host === "string" && typeof value.pid === "number") return value as Owner;
  } catch {
    if (/^\0*$/.test(text) || text.startsWith('{"host":')) return null;
  }
  throw noLockError(path, JSON.stringify(text.slice(0, 60)));
}

function noLockError(path: string, found: string): VisplayError {
  const message = `${path} is no lock: found ${found}, expected {"host": …, "pid": …}`;
  return new VisplayError("run", `${message}; delete it if nobody uses the run`);
}

/** Whether the owner may still be at work: on another host, nobody can tell. */
async function isAtWork(owner: Owner, silentMs: number): Promise<boolean> {
  if (owner.host !== hostname()) return true;
  if (await sharesProcesses(owner)) return isSameProcess(owner);
  return silentMs < SILENT_MS;
}

/** Creates a file with a text; false where there is one. Throws "disk". */
async function createFile(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: "wx" });
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw diskError(path, cause);
  }
}

/** Removes a file if its text is still the same. */
async function removeIfStill(path: string, text: string): Promise<boolean> {
  if ((await readFile(path, "utf8").catch(() => null)) !== text) return false;
  await rm(path, { force: true });
  return true;
}

/**
 * Does something about a lock while no other process may: between the look at a lock that was left and its removal,
 * another that found it too may have taken it. False where another has the guard, or nothing came of it. The guard names
 * its owner, so that one of a process that was killed is moved out of the way.
 */
async function underGuard(path: string, text: string, work: () => Promise<boolean>): Promise<boolean> {
  const guard = `${path}.takeover`;
  if (!(await createFile(guard, text))) {
    const found = await lockAt(guard);
    if (found && !found.isAtWork) await moveAway(guard, found.text);
    return false;
  }
  try {
    return await work();
  } finally {
    await removeIfStill(guard, text);
  }
}

/** Moves a file that was left out of the way; if it is another by now, back. */
async function moveAway(path: string, text: string): Promise<void> {
  const aside = `${path}.${process.pid}`;
  await rename(path, aside).catch(() => {});
  const moved = await readFile(aside, "utf8").catch(() => text);
  if (moved === text) await rm(aside, { force: true });
  else await rename(aside, path).catch(() => {});
}

function ownedError(folder: string, path: string, { owner }: Found): VisplayError {
  const { host, pid, since } = owner as Owner;
  const isHere = host === hostname();
  const remedy = isHere ? "wait for it or stop it" : `if it has ended, delete ${path}`;
  return new VisplayError(
    "run",
    `${folder} is at work in process ${pid} on ${host} since ${since}; expected nobody: ${remedy}`,
  );
}
