import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { RunLock } from "../../cli/run_lock.ts";

let folder: string;
let said: string[];
const say = (line: string) => said.push(line);
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "visplay-lock-"));
  said = [];
});
afterEach(() => rm(folder, { recursive: true }));

const owner = { host: hostname(), pid: process.pid, started: null, since: "2026-01-01T00:00:00Z" };
const leave = (changes: object) =>
  writeFile(join(folder, "lock.json"), JSON.stringify({ ...owner, ...changes }));

/** The number of a process that has ended. */
async function endedPid(): Promise<number> {
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "exit");
  return child.pid as number;
}

describe("the lock of a run", () => {
  test("is had by one, and free again afterwards", async () => {
    const lock = await RunLock.take(folder, say);
    await expect(RunLock.take(folder, say)).rejects.toMatchObject({
      code: "run",
      message: expect.stringMatching(
        new RegExp(`process ${process.pid} on ${hostname()}.*wait for it or stop it`),
      ),
    });
    await lock[Symbol.asyncDispose]();
    expect(await readdir(folder)).toEqual([]);
    await (await RunLock.take(folder, say))[Symbol.asyncDispose]();
    expect(said).toEqual([]);
  });

  test("is had by one of many who come at once, also where one was left", async () => {
    await leave({ pid: await endedPid() });
    const takers = await Promise.allSettled(Array.from({ length: 8 }, () => RunLock.take(folder, say)));
    expect(takers.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(JSON.parse(await readFile(join(folder, "lock.json"), "utf8"))).toMatchObject({ pid: process.pid });
  });

  test("of a process that ended is taken over, and that is said", async () => {
    const pid = await endedPid();
    await leave({ pid });
    await using _lock = await RunLock.take(folder, say);
    expect(said).toEqual([expect.stringContaining(`left from process ${pid}`)]);
  });

  test("of another process that has the number now is taken over", async () => {
    await leave({ started: "1" });
    await using _lock = await RunLock.take(folder, say);
    expect(said).toHaveLength(1);
  });

  test("of another host is never taken over", async () => {
    await leave({ host: "elsewhere", pid: await endedPid() });
    await expect(RunLock.take(folder, say)).rejects.toMatchObject({
      message: expect.stringMatching(/on elsewhere.*if it has ended, delete .*lock\.json/),
    });
  });

  test("that was never finished is taken over", async () => {
    await writeFile(join(folder, "lock.json"), "");
    await using _lock = await RunLock.take(folder, say);
    expect(said).toHaveLength(1);
  });

  test("of the same host in another container is taken over only once it has been silent for long", async () => {
    for (const elsewhere of [{ namespace: "pid:[1]" }, { boot: "another" }]) {
      await leave({ ...elsewhere, pid: await endedPid() });
      await expect(RunLock.take(folder, say)).rejects.toMatchObject({ code: "run" });
      const before = new Date(Date.now() - 600_000);
      await utimes(join(folder, "lock.json"), before, before);
      await (await RunLock.take(folder, say))[Symbol.asyncDispose]();
    }
    expect(said).toHaveLength(2);
  });

  test.runIf(canUnshare())("of a live process is not taken from within another PID namespace", async () => {
    await using _lock = await RunLock.take(folder, say);
    const module = new URL("../../dist/cli/run_lock.js", import.meta.url).href;
    const program = `import(${JSON.stringify(module)}).then(({ RunLock }) => RunLock.take(${JSON.stringify(folder)}, console.log))
      .then(() => console.log("taken"), (error) => console.log(error.code + ": " + error.message))`;
    const inside = ["--pid", "--fork", "--mount-proc", process.execPath, "-e", program];
    const { stdout } = await promisify(execFile)("unshare", inside);
    expect(stdout).toMatch(new RegExp(`^run: .*at work in process ${process.pid} on `));
  });

  test("of a process that ended, whose parent has not asked about it yet, is taken over", async () => {
    const shell = spawn("sh", ["-c", `${process.execPath} -e "" & echo $!; exec sleep 60`]);
    const [pid] = await once(shell.stdout, "data");
    for (;;) {
      const stat = await readFile(`/proc/${Number(pid)}/stat`, "utf8").catch(() => "(x) Z");
      if (/\) Z/.test(stat)) break;
    }
    await leave({ pid: Number(pid), started: "7" });
    await using _lock = await RunLock.take(folder, say);
    shell.kill();
    expect(said).toHaveLength(1);
  });

  test("is free again after the takeover of a process that was killed at it", async () => {
    const pid = await endedPid();
    await leave({ pid });
    await writeFile(join(folder, "lock.json.takeover"), JSON.stringify({ ...owner, pid }));
    await using _lock = await RunLock.take(folder, say);
    expect(await readdir(folder)).toEqual(["lock.json"]);
  });

  test("waits for a takeover that is under way", async () => {
    await leave({ pid: await endedPid() });
    const guard = join(folder, "lock.json.takeover");
    await writeFile(guard, JSON.stringify(owner));
    const taking = RunLock.take(folder, say);
    await sleep(300);
    expect(JSON.parse(await readFile(join(folder, "lock.json"), "utf8")).since).toBe(owner.since);
    await rm(guard);
    await (await taking)[Symbol.asyncDispose]();
  });

  test("that is no lock is left as it is, and said", async () => {
    await writeFile(join(folder, "lock.json"), "my notes");
    const message = expect.stringMatching(/lock\.json is no lock: found "my notes", expected .*delete it/);
    await expect(RunLock.take(folder, say)).rejects.toMatchObject({ code: "run", message });
    expect(await readFile(join(folder, "lock.json"), "utf8")).toBe("my notes");
  });

  test("is let go of once: not when another has it by then", async () => {
    const lock = await RunLock.take(folder, say);
    await lock[Symbol.asyncDispose]();
    await using _other = await RunLock.take(folder, say);
    await lock[Symbol.asyncDispose]();
    expect(await readdir(folder)).toEqual(["lock.json"]);
  });

  test("that somebody deleted, and another took, stays the other's", async () => {
    const lock = await RunLock.take(folder, say);
    await leave({ pid: 1 });
    await lock[Symbol.asyncDispose]();
    expect(await readdir(folder)).toEqual(["lock.json"]);
  });
});

function canUnshare(): boolean {
  try {
    execFileSync("unshare", ["--pid", "--fork", "--mount-proc", "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
