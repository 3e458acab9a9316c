import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
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
});
