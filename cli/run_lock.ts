import { readFile, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { VisplayError } from "../common/errors.ts";
import { isAlive } from "../common/processes.ts";
import { diskError } from "../replay/disk.ts";

/** Who works on a run. */
interface Owner {
  readonly host: string;
  readonly pid: number;
  /** When the process began, in the system's own count, so that another with its number is told apart; null where unknown. */
  readonly started: string | null;
  /** ISO 8601. */
  readonly since: string;
}

const lockName = "lock.json";

/** Keeps a run's folder to one process; let go when disposed. */
export class RunLock implements AsyncDisposable {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /**
   * Takes the lock of a folder that exists. That of a process which ended without letting go is taken over, and `say`
   * told. Throws "run" with the owner's host and number where somebody has it.
   */
  static async take(folder: string, say: (line: string) => void): Promise<RunLock> {
    const path = join(folder, lockName);
    const owner: Owner = {
      host: hostname(),
      pid: process.pid,
      started: await startOf(process.pid),
      since: new Date().toISOString(),
    };
    for (let tries = 0; tries < 20; tries++) {
      try {
        await writeFile(path, `${JSON.stringify(owner)}\n`, { flag: "wx" });
        return new RunLock(path);
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw diskError(path, cause);
      }
      const text = await readFile(path, "utf8").catch(() => "");
      const other = ownerIn(text);
      if (other !== null && (await isAtWork(other))) throw held(folder, path, other);
      if (await removeIfStill(path, text))
        say(`${path} is left from process ${other?.pid ?? "?"}, which has ended; going on`);
    }
    throw new VisplayError(
      "run",
      `${path}: cannot be taken; delete it and ${guardOf(path)} if nobody uses the run`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#path, { force: true });
  }
}

/** Null where the text was never finished. */
function ownerIn(text: string): Owner | null {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Removes a lock unless another process, which also found it left, has taken it meanwhile. */
async function removeIfStill(path: string, text: string): Promise<boolean> {
  const guard = guardOf(path);
  try {
    await writeFile(guard, "", { flag: "wx" });
  } catch {
    await sleep(100);
    return false;
  }
  try {
    if ((await readFile(path, "utf8").catch(() => null)) !== text) return false;
    await rm(path, { force: true });
    return true;
  } finally {
    await rm(guard, { force: true });
  }
}

function guardOf(path: string): string {
  return `${path}.takeover`;
}

/** Whether the owner may still be at work: on another host, nobody can tell. */
async function isAtWork({ host, pid, started }: Owner): Promise<boolean> {
  if (host !== hostname()) return true;
  if (!isAlive(pid)) return false;
  const now = await startOf(pid);
  return started === null || now === null || started === now;
}

/** Field 22 of /proc/PID/stat, where there is one; the process's name before it may hold anything. */
async function startOf(pid: number): Promise<string | null> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
}

function held(folder: string, path: string, { host, pid, since }: Owner): VisplayError {
  const remedy = host === hostname() ? "wait for it or stop it" : `if it has ended, delete ${path}`;
  return new VisplayError(
    "run",
    `${folder} is at work in process ${pid} on ${host} since ${since}; expected nobody: ${remedy}`,
  );
}
