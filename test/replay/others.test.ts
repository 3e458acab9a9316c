import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ReplayReader } from "../../replay/reader.ts";
import { Database } from "../../replay/sqlite.ts";
import { ReplayStore } from "../../replay/store.ts";
import { ReplayWriter } from "../../replay/writer.ts";
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

describe("what others do to the file while a run writes it", () => {
  it("a lock of more than five seconds is waited for, and said once", async () => {
    const said: string[] = [];
    await using store = await ReplayStore.create(folder, (line) => said.push(line));
    await store.append([marked(1)]);
    using other = Database.forWriting(path);
    other.exec("BEGIN IMMEDIATE");
    const appending = store.append([marked(2)]);
    await new Promise((resolve) => setTimeout(resolve, 6000));
    expect(survivors()).toEqual([marked(1)]);
    other.exec("COMMIT");
    await appending;
    expect(survivors()).toEqual([marked(1), marked(2)]);
    expect(said).toEqual([expect.stringContaining("another program has locked the replay")]);
  }, 30_000);

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
    writer.append([marked(1), plainEpisode(), { version: 1, atMs: 5, ...saved }]);
    writer.append([marked(2)]);
    // As after a kill, without the WAL.
    await writeFile(join(run, "replay.db"), await readFile(path));
    using reader = ReplayReader.open(run);
    expect(reader.state.position).toBe(3);
  });
});
