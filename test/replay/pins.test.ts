import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { inspect } from "../../replay/check.ts";
import { migrate } from "../../replay/migrate.ts";
import { migrations } from "../../replay/migrations.ts";
import type { PinnedImage } from "../../replay/pins.ts";
import { readPins } from "../../replay/reader.ts";
import { Database } from "../../replay/sqlite.ts";
import { ReplayStore } from "../../replay/store.ts";
import { plainEpisode } from "./events.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pins-"));
});
afterEach(() => rm(folder, { recursive: true }));

const image = (name: string): PinnedImage => ({
  name,
  bytes: 7,
  changedMs: 1_700_000_000_000.25,
  content: null,
});
const inputs = { "model/config.json": "ab", "prompts.reasoner": "cd" };

test("a run's pins are read as they were written, in order, and may be replaced", async () => {
  await using store = await ReplayStore.create(folder);
  expect(readPins(folder)).toBeNull();
  const images = ["z.png", "a.png", "caf\\xe9.png"].map(image);
  await store.pin({ images, inputs });
  expect(readPins(folder)).toEqual({ images, inputs });
  await store.pin({ images: null, inputs });
  expect(readPins(folder)).toEqual({ images: null, inputs });
});

test("an image is bound to the content that it is first recorded with", async () => {
  await using store = await ReplayStore.create(folder);
  await store.pin({ images: ["a.png", "b.png"].map(image), inputs });
  const episode = (index: number, id: string) => plainEpisode({ image: { index, name: `${index}.png`, id } });
  await store.append([episode(1, "first")]);
  await store.append([episode(1, "second")]);
  expect(readPins(folder)?.images?.map(({ content }) => content)).toEqual([null, "first"]);
});

test("a replay of an earlier release has none", async () => {
  using database = Database.forWriting(join(folder, "replay.db"));
  migrate(database, migrations.slice(0, 3));
  expect(readPins(folder)).toBeNull();
});

describe("checksums of a run's pins", () => {
  const damages = async () => (await inspect(folder)).database;
  const change = (sql: string) => {
    using database = Database.forWriting(join(folder, "replay.db"));
    database.exec(sql);
  };

  test("find what changed, also after an image was seen", async () => {
    {
      await using store = await ReplayStore.create(folder);
      await store.pin({ images: ["a.png", "b.png"].map(image), inputs });
      await store.append([plainEpisode({ image: { index: 1, name: "b.png", id: "seen" } })]);
    }
    expect(await damages()).toEqual([]);
    change("UPDATE run_images SET content = 'seem' WHERE position = 1");
    change("UPDATE run_inputs SET sha256 = 'ac' WHERE name = 'model/config.json'");
    expect(await damages()).toEqual([
      "b.png in run_images is damaged: its checksum differs",
      "model/config.json in run_inputs is damaged: its checksum differs",
    ]);
  });

  test("are missing in what an earlier release wrote, which is whole, and there once its run goes on", async () => {
    using database = Database.forWriting(join(folder, "replay.db"));
    migrate(database, migrations.slice(0, 5));
    database.exec("INSERT INTO attempts VALUES (1, 0, 0)");
    database.exec("INSERT INTO run_images VALUES (0, 'a.png', 7, 0.5, NULL), (1, 'b.png', 7, 0.5, NULL)");
    database.exec("INSERT INTO run_inputs VALUES ('prompts.reasoner', 'cd')");
    expect(await damages()).toEqual([]);
    await using store = await ReplayStore.open(folder);
    await store.append([plainEpisode({ image: { index: 1, name: "b.png", id: "seen" } })]);
    expect(await damages()).toEqual([]);
    expect(readPins(folder)).toMatchObject({ images: [{ content: null }, { content: "seen" }] });
    await store.pin({ images: [image("a.png")], inputs });
    change("UPDATE run_images SET bytes = 8");
    expect(await damages()).toHaveLength(1);
  });
});
