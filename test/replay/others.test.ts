import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ReplayReader } from "../../replay/reader.ts";
import { Database } from "../../replay/sqlite.ts";
import { ReplayStore } from "../../replay/store.ts";
import { ReplayWriter } from "../../replay/writer.ts";
import { at } from "../fakes/run_events.ts";
import { marked, plainEpisode } from "./events.ts";

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "replay-"));
  path = join(folder, "replay.db");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function survivors(): unknown[] {
  using reader = ReplayReader.open(folder);
  return [...reader.events()].map(({ event }) => event);
}

/** Does something while another program has the database, which it has until something is so. */
async function lockedUntil<T>(isSo: () => boolean, work: () => Promise<T>): Promise<T> {
  using other = Database.forWriting(path);
  other.exec("BEGIN IMMEDIATE");
  const working = work();
  await vi.waitUntil(isSo, { timeout: 30_000 });
  other.exec("COMMIT");
  return working;
}

describe("what others do to the file while a run writes it", () => {
  it("a lock of more than five seconds is waited for, and said once", async () => {
    const said: string[] = [];
    const say = (line: string) => void said.push(line);
    const waits = expect.stringContaining("another program has locked the replay");
    await using store = await ReplayStore.create(folder, { say });
    await store.append([marked(1)]);
    await lockedUntil(
      () => said.length === 1,
      async () => {
        const appending = store.append([marked(2)]);
        expect(survivors()).toEqual([marked(1)]);
        return appending;
      },
    );
    expect(survivors()).toEqual([marked(1), marked(2)]);
    expect(said).toEqual([waits]);
    await store[Symbol.asyncDispose]();

    await using again = await lockedUntil(
      () => said.length === 2,
      () => ReplayStore.open(folder, { say }),
    );
    expect(again.position).toBe(2);
    expect(said).toEqual([waits, waits]);
  }, 40_000);

  it("a lock does not keep a run that is to stop, whose replay stays as it was", async () => {
    const said: string[] = [];
    const controller = new AbortController();
    const waiting = { say: (line: string) => void said.push(line), stop: controller.signal };
    await using store = await ReplayStore.create(folder, waiting);
    await store.append([marked(1)]);
    {
      using other = Database.forWriting(path);
      other.exec("BEGIN IMMEDIATE");
      const appending = store.append([marked(2)]);
      controller.abort();
      await expect(appending).rejects.toMatchObject({ code: "cancelled" });
      await expect(ReplayStore.open(folder, waiting)).rejects.toMatchObject({ code: "cancelled" });
      other.exec("COMMIT");
    }
    expect(said[0]).toContain("what is not recorded yet is done again when the run goes on");
    await store.append([marked(3)]);
    expect(survivors()).toEqual([marked(1), marked(3)]);
  }, 40_000);

  it("its removal, or another in its place, ends the next append", async () => {
    await using store = await ReplayStore.create(folder);
    await store.append([marked(1)]);
    const copy = await readFile(path);
    await rm(path);
    const refusal = { code: "run", message: expect.stringContaining("was removed or replaced") };
    await expect(store.append([marked(2)])).rejects.toMatchObject(refusal);
    await writeFile(path, copy);
    await expect(store.append([marked(2)])).rejects.toMatchObject(refusal);
  });

  it("the loss of the WAL loses nothing that a checkpoint counts on", async () => {
    const saved = { type: "checkpointSaved", round: 1, id: "a", bytes: 1, durationMs: 1 } as const;
    const run = join(folder, "killed");
    await mkdir(run);
    using writer = ReplayWriter.create(folder);
    writer.append([marked(1), plainEpisode(), at(5, saved)]);
    writer.append([marked(2)]);
    // As after a kill, without the WAL.
    await writeFile(join(run, "replay.db"), await readFile(path));
    using reader = ReplayReader.open(run);
    expect(reader.state.position).toBe(3);
  });
});
