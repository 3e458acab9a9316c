import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { RandomStream } from "../../common/random.ts";
import { inspect, isWhole } from "../../replay/check.ts";
import { packColumns } from "../../replay/columns.ts";
import { ReplayReader, readPins } from "../../replay/reader.ts";
import { Database } from "../../replay/sqlite.ts";
import { ReplayWriter } from "../../replay/writer.ts";
import { curriculumEpisode, RandomEvents, writeTurnImage } from "./events.ts";

/** What records stand in, and what they are found and learnt from by. */
const tables = [
  ...["events", "episodes", "rollouts", "answers", "measures", "curriculum", "checksums", "attempts"],
  ...["images", "prompts", "shapes", "figures", "phases", "columns", "run_images", "run_inputs"],
];
const flips = 160;

const pinned = (name: string, index: number) => ({ name, bytes: 7 + index, changedMs: 1.5, content: null });
const inputs = { "model/config.json": "ab".repeat(32), "prompts.reasoner": "cd".repeat(32) };

let folder: string;
let path: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "replay-"));
  path = join(folder, "replay.db");
  using writer = ReplayWriter.create(folder);
  writer.pin({ images: ["a.png", "b.png", "c.png", "d.png"].map(pinned), inputs });
  const random = new RandomEvents(11);
  const step = () => [...random.events(8), curriculumEpisode({ round: 1, labels: ["a", null, "b"] })];
  for (let i = 0; i < 3; i++) writer.append(step(), [writeTurnImage(folder)]);
  writer.resume(20);
  writer.append(step());
  using database = Database.forWriting(path);
  database.exec("DELETE FROM columns");
  packColumns(database, 36, 12);
});
afterAll(() => rm(folder, { recursive: true }));

/** All that can be read of a replay, superseded events, the curriculum and what the run is made of too. */
function contentsOf(run: string): unknown {
  using reader = ReplayReader.open(run);
  const events = [...reader.events(1, { superseded: "include" })];
  using writer = ReplayWriter.open(run);
  const places = Array.from({ length: writer.curriculumSize(1) }, (_, place) => place);
  return {
    events,
    items: writer.curriculum(1, places),
    counts: reader.counts(),
    figures: reader.figures(),
    pins: readPins(run),
  };
}

/** Byte ranges of the pages of a table. */
function pagesOf(table: string): { start: number; length: number }[] {
  using database = Database.forReading(path);
  const length = database.value<number>("PRAGMA page_size") as number;
  const sql = "SELECT pageno FROM dbstat WHERE name = ?";
  const pages = database.prepare(sql).all<{ pageno: number }>([table]);
  return pages.map(({ pageno }) => ({ start: (pageno - 1) * length, length }));
}

it(`finds every one of ${flips} flipped bits that changes what can be read`, async () => {
  const whole = await readFile(path);
  const before = contentsOf(folder);
  expect(isWhole(await inspect(folder))).toBe(true);
  const stream = new RandomStream(5);
  const run = await mkdtemp(join(tmpdir(), "replay-"));
  let found = 0;
  const missed: string[] = [];
  for (let flip = 0; flip < flips; flip++) {
    const table = tables[flip % tables.length] as string;
    const pages = pagesOf(table);
    const { start, length } = pages[stream.integer(pages.length)] as { start: number; length: number };
    const used = whole.subarray(start, start + length);
    // Bytes of records, mostly: pages are filled from their end, with nothing between.
    let at = stream.integer(length);
    while (used[at] === 0) at = stream.integer(length);
    const bit = stream.integer(8);
    const bytes = Buffer.from(whole);
    bytes[start + at] = (bytes[start + at] as number) ^ (1 << bit);
    await writeFile(join(run, "replay.db"), bytes);
    for (const suffix of ["-wal", "-shm"]) await rm(join(run, `replay.db${suffix}`), { force: true });
    const inspection = await inspect(run).catch(() => null);
    if (inspection === null || !isWhole(inspection)) found++;
    else if (JSON.stringify(contentsOf(run)) !== JSON.stringify(before)) {
      missed.push(`${table}: bit ${bit} of byte ${at} of the page at ${start}`);
    }
  }
  await rm(run, { recursive: true });
  expect(missed).toEqual([]);
  // Most bits of a page are content; the others are room that rows have left.
  expect(found).toBeGreaterThan(flips / 2);
}, 300_000);
