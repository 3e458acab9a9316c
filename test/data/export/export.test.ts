import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type DataRow, isBroken } from "../../../data/data_set.ts";
import { type ExportOptions, exportCurriculum } from "../../../data/export/export.ts";
import { type Format, formatRules, formats } from "../../../data/export/formats.ts";
import type { CurriculumRecord } from "../../../data/export/record.ts";
import { requireRoom } from "../../../data/export/room.ts";
import { everything, type Selection, select } from "../../../data/export/selection.ts";
import { openData } from "../../../data/open.ts";
import { decodeImage, defaultLimits } from "../../../images/decode.ts";
import { secretCamera, writtenRecords } from "./records.ts";

let folder: string;
let records: CurriculumRecord[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "visplay-export-"));
  records = await writtenRecords(join(folder, "run"), 12);
});
afterEach(() => rmSync(folder, { recursive: true }));

const signal = new AbortController().signal;

async function write(
  out: string,
  wanted: readonly Format[],
  own: Partial<ExportOptions> = {},
  selection: Selection = everything,
): Promise<void> {
  const selected = await select(records, selection, async () => 0n);
  await exportCurriculum(out, selected, [], {
    formats: wanted,
    shardBytes: 1e9,
    license: "cc-by-4.0",
    damaged: [],
    release: "1.2.3",
    keepMetadata: false,
    maxPixels: null,
    selection,
    signal,
    say: () => {},
    onProgress: () => {},
    ...own,
  });
}

async function read(data: string): Promise<DataRow[]> {
  const set = await openData(data, { signal, onHub: () => undefined });
  expect(set.broken).toEqual([]);
  return Promise.all(
    Array.from({ length: set.length }, async (_, i) => {
      const row = await set.row(i);
      if (isBroken(row)) throw new Error(row.reason);
      return row;
    }),
  );
}

/** Every file below a folder, with its content. */
function filesIn(path: string): Map<string, string> {
  const names = readdirSync(path, { recursive: true, encoding: "utf8" }).sort();
  return new Map(
    names
      .filter((name) => statSync(join(path, name)).isFile())
      .map((name) => [name, readFileSync(join(path, name)).toString("latin1")]),
  );
}

describe("what is exported is read back", () => {
  test.each(formats)("%s: the same questions, answers and pixels, in the same order", async (format) => {
    const out = join(folder, "out");
    await write(out, [format]);
    const rows = await read(out);
    expect(rows.map(({ question, answers }) => [question, ...answers])).toEqual(
      records.map(({ question, answer }) => [question, answer]),
    );
    for (const [i, { images }] of rows.entries()) {
      const bytes = await (images[0] as (typeof images)[number]).read(defaultLimits);
      const original = readFileSync(records[i]?.file as string);
      expect((await decodeImage(bytes, null)).id).toBe((await decodeImage(original, null)).id);
      expect(Buffer.from(bytes).includes(secretCamera)).toBe(false);
    }
  });

  test("all formats at once are what each is alone", async () => {
    await write(join(folder, "all"), formats);
    for (const format of formats) {
      await write(join(folder, format), [format]);
      expect(filesIn(join(folder, "all", format))).toEqual(filesIn(join(folder, format)));
    }
  });

  test("files of rows end at their size, and say in their names how many there are", async () => {
    await write(join(folder, "out"), ["datasets", "webdataset"], { shardBytes: 3000 });
    const parquet = readdirSync(join(folder, "out/datasets/data")).sort();
    expect(parquet.length).toBeGreaterThan(2);
    const last = String(parquet.length).padStart(5, "0");
    expect(parquet[0]).toBe(`train-00000-of-${last}.parquet`);
    expect(
      readdirSync(join(folder, "out/webdataset")).filter((name) => /^train-\d{6}\.tar$/.test(name)).length,
    ).toBeGreaterThan(2);
    expect(await read(join(folder, "out/datasets"))).toHaveLength(records.length);
    expect(await read(join(folder, "out/webdataset"))).toHaveLength(records.length);
  });

  test("tar itself reads the tar files", async () => {
    await write(join(folder, "out"), ["webdataset"]);
    const names = execFileSync("tar", ["-tf", join(folder, "out/train-000000.tar")], { encoding: "utf8" });
    expect(names.split("\n").slice(0, 4)).toEqual([
      "000000000.json",
      "000000000.png",
      "000000001.json",
      "000000001.png",
    ]);
  });
});

test("the same is the same bytes", async () => {
  await write(join(folder, "one"), formats);
  await write(join(folder, "two"), formats);
  expect(filesIn(join(folder, "one"))).toEqual(filesIn(join(folder, "two")));
});

test("metadata stay where that is asked for: the very bytes", async () => {
  await write(join(folder, "out"), ["jsonl"], { keepMetadata: true });
  for (const { image, file } of records) {
    const name = readdirSync(join(folder, "out/images")).find((each) => each.startsWith(image)) as string;
    expect(readFileSync(join(folder, "out/images", name)).equals(readFileSync(file as string))).toBe(true);
  }
});

test("larger pictures are scaled down, smaller ones are not", async () => {
  await write(join(folder, "small"), ["jsonl"], { maxPixels: 100 });
  const [row] = await read(join(folder, "small"));
  const bytes = await (row as DataRow).images[0]?.read(defaultLimits);
  const image = await decodeImage(bytes as Uint8Array, null);
  expect([image.width, image.height]).toEqual([12, 8]);
  await write(join(folder, "large"), ["jsonl"], { maxPixels: 1000 });
  await write(join(folder, "whole"), ["jsonl"]);
  const images = (name: string) => filesIn(join(folder, name, "images"));
  expect(images("large")).toEqual(images("whole"));
});

describe("an export that ends before its end leaves nothing", () => {
  test("interrupted", async () => {
    const controller = new AbortController();
    const onProgress = (items: number): void => {
      if (items === 5) controller.abort(new Error("enough"));
    };
    const writing = write(join(folder, "out"), formats, { signal: controller.signal, onProgress });
    await expect(writing).rejects.toThrow("enough");
    expect(readdirSync(folder)).toEqual(["run"]);
  });

  test("a picture that is gone", async () => {
    const file = records[8]?.file as string;
    rmSync(file);
    await expect(write(join(folder, "out"), ["datasets"])).rejects.toMatchObject({ code: "images" });
    await expect(write(join(folder, "out"), ["datasets"])).rejects.toThrow(file);
    expect(readdirSync(folder)).toEqual(["run"]);
  });

  test("a picture that is none any more", async () => {
    writeFileSync(records[8]?.file as string, "no picture");
    await expect(write(join(folder, "out"), ["datasets"])).rejects.toMatchObject({ code: "images" });
    expect(existsSync(join(folder, "out"))).toBe(false);
  });

  test("what one that was killed has left goes with the next, which says so; what lives stays", async () => {
    const ended = spawnSync("true").pid;
    const left = `.out.${hostname()}-${ended}-1.partial`;
    const others = [`.out.${hostname()}-${process.ppid}-1.partial`, ".out.elsewhere-1-1.partial"];
    for (const name of [left, ...others]) await write(join(folder, name), ["jsonl"]);
    const said: string[] = [];
    await write(join(folder, "out"), ["datasets"], { say: (line) => said.push(line) });
    expect(said).toEqual([`cleared ${join(folder, left)}, left by process ${ended}, which has ended`]);
    expect(readdirSync(folder).sort()).toEqual([...others, "out", "run"].sort());
    expect(readdirSync(join(folder, "out")).sort()).toEqual(["README.md", "curriculum.json", "data"]);
  });
});

test("of two that are written to one place, one is there as a whole", async () => {
  const both = [["jsonl"], ["datasets"]] as const;
  const ended = await Promise.allSettled(both.map((format) => write(join(folder, "out"), format)));
  expect(ended.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  await write(join(folder, "alone"), ended[0]?.status === "fulfilled" ? both[0] : both[1]);
  expect(filesIn(join(folder, "out"))).toEqual(filesIn(join(folder, "alone")));
  expect(readdirSync(folder).sort()).toEqual(["alone", "out", "run"]);
});

test.each(formats)("%s: what it needs is told before, where there is no room", async (format) => {
  await write(join(folder, "out"), [format], { keepMetadata: true });
  const bytes = [...filesIn(join(folder, "out")).values()].reduce((sum, { length }) => sum + length, 0);
  const items = (await select(records, everything, async () => 0n)).items;
  const among = (free: number) =>
    requireRoom(folder, items, [formatRules[format]], { maxPixels: null }, async () => free);
  await among(2 * bytes + 20_000);
  const message = expect.stringMatching(/MB are free there, and the export takes about .* MB; make room/);
  await expect(among(bytes / 4)).rejects.toMatchObject({ code: "disk", message });
});

describe("it says what it is", () => {
  const halves = {
    ...everything,
    splits: [
      { name: "train", share: 1 },
      { name: "test", share: 1 },
    ],
    seed: 3,
  };

  test("curriculum.json: counts, selection, and hashes of the files", async () => {
    await write(join(folder, "out"), ["datasets"], {}, halves);
    const said = JSON.parse(readFileSync(join(folder, "out/curriculum.json"), "utf8"));
    expect(said).toMatchObject({
      format: "datasets",
      visplay: "1.2.3",
      selection: halves,
      license: "cc-by-4.0",
    });
    expect(said.counts).toMatchObject({ candidates: 24, exported: 24, rejected: {} });
    for (const { path, bytes, sha256 } of said.files) {
      const [sum] = execFileSync("sha256sum", [join(folder, "out", path)], { encoding: "utf8" }).split(" ");
      expect([statSync(join(folder, "out", path)).size, sum]).toEqual([bytes, sha256]);
    }
    expect(said.files).toHaveLength(2);
  });

  test("README.md: a card with the splits that there are", async () => {
    await write(join(folder, "out"), ["datasets"], {}, halves);
    const readme = readFileSync(join(folder, "out/README.md"), "utf8");
    expect(readme).toContain("license: cc-by-4.0");
    expect(readme).toContain("path: data/test-*.parquet");
    const counts = [...readme.matchAll(/num_examples: (\d+)/g)].map(([, n]) => Number(n));
    expect(counts).toHaveLength(2);
    expect(counts.reduce((a, b) => a + b)).toBe(24);
    expect(readme).toContain("was not measured");
  });

  test("LLaMA-Factory finds every split in dataset_info.json", async () => {
    await write(join(folder, "out"), ["llama-factory"], {}, halves);
    const info = JSON.parse(readFileSync(join(folder, "out/dataset_info.json"), "utf8"));
    expect(Object.keys(info)).toEqual(["visplay_train", "visplay_test"]);
    for (const { file_name } of Object.values<{ file_name: string }>(info))
      expect(existsSync(join(folder, "out", file_name))).toBe(true);
  });
});
