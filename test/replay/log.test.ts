import { appendFile, mkdtemp, readFile, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RunEvent } from "../../replay/events.ts";
import { FileLog, readEvents } from "../../replay/log.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "replay-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** An event that can be told from others, with a text that is hostile to readers of lines. */
function event(round: number, size = 0): RunEvent {
  const message = `line\u2028 separators\n and "quotes" ${"x".repeat(size)}`;
  return { version: 1, atMs: 5, type: "runFailed", code: String(round), message };
}

async function readAll(path: string): Promise<RunEvent[]> {
  const events: RunEvent[] = [];
  for await (const each of readEvents(path)) events.push(each);
  return events;
}

describe("FileLog", () => {
  it("keeps what was appended, in order", async () => {
    await using log = await FileLog.create(join(folder, "run"));
    await log.append([event(1), event(2)]);
    await log.append([]);
    await log.append([event(3, 700_000), event(4)]);
    expect(await readAll(log.path)).toEqual([event(1), event(2), event(3, 700_000), event(4)]);
  });

  it("keeps the order of appends that overlap", async () => {
    await using log = await FileLog.create(folder);
    await Promise.all([log.append([event(1, 300_000)]), log.append([event(2)]), log.append([event(3)])]);
    expect(await readAll(log.path)).toEqual([event(1, 300_000), event(2), event(3)]);
  });

  it("never writes over another run", async () => {
    await using _ = await FileLog.create(folder);
    await expect(FileLog.create(folder)).rejects.toMatchObject({
      code: "run",
      message: /already holds a run/,
    });
  });

  it("takes back what it wrote of an append that failed", async () => {
    await using log = await FileLog.create(folder);
    await log.append([event(1)]);
    const before = await readFile(log.path);

    const full = Object.assign(new Error("write failed"), { code: "ENOSPC" });
    let room = 1;
    const failing = new FileLog(
      log.path,
      {
        appendFile: async (lines) => {
          await appendFile(log.path, lines.subarray(0, room === 0 ? 10 : undefined));
          if (room-- === 0) throw full;
        },
        truncate: (length) => truncate(log.path, length),
        close: async () => {},
      },
      before.length,
    );
    await expect(failing.append([event(2, 400_000), event(3)])).rejects.toMatchObject({
      code: "disk",
      message: expect.stringMatching(/replay.jsonl: the disk is full; make room/),
    });
    expect(await readFile(log.path)).toEqual(before);
  });

  it("says what is wrong with a folder that it cannot use", async () => {
    await using log = await FileLog.create(folder);
    await expect(FileLog.create(log.path)).rejects.toMatchObject({ code: "disk" });
  });
});

describe("readEvents", () => {
  it("leaves out a last line that was cut off", async () => {
    await using log = await FileLog.create(folder);
    await log.append([event(1), event(2)]);
    const { length } = await readFile(log.path);
    await truncate(log.path, length - 5);
    expect(await readAll(log.path)).toEqual([event(1)]);
  });

  it.each([
    ["{broken\n", "replay.jsonl:2: damaged, found {broken"],
    ['{"version":2}\n', "replay.jsonl:2: found version 2, expected 1"],
    ["null\n", "replay.jsonl:2: found version undefined, expected 1"],
  ])("refuses %j", async (line, message) => {
    await using log = await FileLog.create(folder);
    await log.append([event(1)]);
    await appendFile(log.path, line);
    await expect(readAll(log.path)).rejects.toMatchObject({
      code: "run",
      message: expect.stringContaining(message),
    });
  });

  it("names a file that is not there", async () => {
    await expect(readAll(join(folder, "none"))).rejects.toMatchObject({ code: "run" });
  });
});
