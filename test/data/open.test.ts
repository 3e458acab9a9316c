import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Mapping } from "../../data/columns.ts";
import type { DataSet } from "../../data/data_set.ts";
import { openData } from "../../data/open.ts";
import { decodeImage, defaultLimits } from "../../images/decode.ts";

const files = "test/data/files";

let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "visplay-data-"));
  mkdirSync(join(folder, "img"));
  for (const i of [0, 1, 2, 3]) {
    const create = { width: 8, height: 6, channels: 3, background: { r: 10 * i, g: 0, b: 0 } } as const;
    writeFileSync(join(folder, "img", `${i}.png`), await sharp({ create }).png().toBuffer());
  }
});
afterEach(() => rmSync(folder, { recursive: true }));

function open(data: string, columns: Partial<Mapping> = {}): Promise<DataSet> {
  return openData(data, { columns, signal: new AbortController().signal, onHub: () => undefined });
}

/** What a data set says, each picture by its red. */
async function contents(set: DataSet, others: readonly string[] = []) {
  return Promise.all(
    Array.from({ length: set.length }, async (_, i) => {
      const row = await set.row(i, others);
      if ("reason" in row) return row;
      const reds = row.images.map(
        async (image) => (await decodeImage(await image.read(defaultLimits), null)).data[0],
      );
      const { question, answers, others: further } = row;
      return { question, answers, reds: await Promise.all(reds), ...further };
    }),
  );
}

const rows = [0, 1, 2, 3].map((i) => ({
  question: `how many in ${i}?`,
  answers: [String(i)],
  reds: [10 * i],
}));

function lines(name: string, objects: readonly unknown[]): string {
  const path = join(folder, name);
  writeFileSync(
    path,
    objects.map((each) => `${typeof each === "string" ? each : JSON.stringify(each)}\n`).join(""),
  );
  return path;
}

describe("Parquet", () => {
  test("as datasets writes it, with names for classes", async () => {
    const set = await open(`${files}/datasets.parquet`);
    expect(set.columns).toEqual(["question", "answer", "kind", "image"]);
    expect(set.mapping).toEqual({ question: "question", answer: "answer", image: "image" });
    const kinds = ["chart", "photo", "photo", "chart"];
    expect(await contents(set, ["kind"])).toEqual(rows.map((row, i) => ({ ...row, kind: kinds[i] })));
  });

  test("lists of pictures, a row without any among them", async () => {
    const [first, second, none, both] = await contents(await open(`${files}/lists.parquet`));
    expect([first, second]).toEqual(rows.slice(0, 2));
    expect([none, both]).toMatchObject([{ reds: [] }, { reds: [20, 30] }]);
    const set = await open(`${files}/lists.parquet`);
    expect(await set.images(2)).toEqual({ file: "lists.parquet", row: 3, reason: "found no picture" });
    expect(await set.images(3)).toMatchObject([{ name: "lists.parquet#4" }, { name: "lists.parquet#4.2" }]);
  });

  test("raw bytes, numbers as answers, other names", async () => {
    const set = await open(`${files}/bytes.parquet`);
    expect(set.mapping).toEqual({ question: "problem", answer: "solution", image: "photo" });
    expect(await contents(set)).toEqual(rows);
  });

  test("shards of a folder, and those that a star stands for, are one set", async () => {
    for (const name of ["train-1.parquet", "train-0.parquet"])
      cpSync(`${files}/datasets.parquet`, join(folder, name));
    cpSync(`${files}/datasets.parquet`, join(folder, "test-0.parquet"));
    expect(await contents(await open(join(folder, "train-*.parquet")))).toEqual([...rows, ...rows]);
    expect((await open(folder)).length).toBe(12);
  });

  test("what is cut or no Parquet is refused; damaged pages are broken rows", async () => {
    const refusal = {
      code: "data",
      message: expect.stringMatching(/found no Parquet file that can be read/),
    };
    await expect(open(`${files}/cut.parquet`)).rejects.toMatchObject(refusal);
    const bytes = readFileSync(`${files}/datasets.parquet`);
    for (const length of [0, 3, 11, bytes.length - 1]) {
      writeFileSync(join(folder, "x.parquet"), bytes.subarray(0, length));
      await expect(open(join(folder, "x.parquet"))).rejects.toMatchObject(refusal);
    }
    const damaged = await contents(await open(`${files}/damaged.parquet`));
    expect(damaged[0]).toMatchObject({ file: "damaged.parquet", row: 1 });
    expect(damaged[3]).toEqual(rows[3]);
  });

  test("no byte that is wrong ends more than a row or the file", async () => {
    const whole = readFileSync(`${files}/datasets.parquet`);
    for (let at = 0; at < whole.length; at += 7) {
      const bytes = Buffer.from(whole);
      bytes[at] = (bytes[at] as number) ^ 0xff;
      writeFileSync(join(folder, "x.parquet"), bytes);
      const ending = await open(join(folder, "x.parquet"))
        .then(async (set) => {
          if (set.length < 100) for (let i = 0; i < set.length; i++) await set.row(i);
          return "data";
        })
        .catch(({ code, message }) => code ?? message);
      expect(ending, `byte ${at}`).toBe("data");
    }
  });
});

describe("JSONL", () => {
  const forms: Record<string, (i: number) => object> = {
    "problem, answer, images": (i) => ({
      problem: `<image>how many in ${i}?`,
      answer: `${i}`,
      images: [`img/${i}.png`],
    }),
    "verl's": (i) => ({
      data_source: "visplay",
      prompt: [{ role: "user", content: `<image>how many in ${i}?` }],
      images: [{ path: `img/${i}.png` }],
      reward_model: { style: "rule", ground_truth: `${i}` },
    }),
    "TRL's": (i) => ({
      prompt: [{ role: "user", content: [{ type: "image" }, { type: "text", text: `how many in ${i}?` }] }],
      image: `img/${i}.png`,
      solution: `<answer> ${i} </answer>`,
    }),
    "LLaMA-Factory's": (i) => ({
      messages: [
        { role: "system", content: "look" },
        { role: "user", content: `<image>how many in ${i}?` },
        { role: "assistant", content: `${i}` },
      ],
      images: [`img/${i}.png`],
    }),
    "ms-swift's": (i) => ({
      messages: [{ role: "user", content: `<image>how many in ${i}?` }],
      images: [`img/${i}.png`],
      solution: i,
    }),
    "LLaVA's": (i) => ({
      image: `img/${i}.png`,
      conversations: [
        { from: "human", value: `<image>\nhow many in ${i}?` },
        { from: "gpt", value: `${i}` },
      ],
    }),
  };
  test.each(Object.entries(forms))("%s form", async (_, form) => {
    expect(await contents(await open(lines("rows.jsonl", [0, 1, 2, 3].map(form))))).toEqual(rows);
    expect(await contents(await open(folder))).toEqual(rows);
  });

  test("LLaMA-Factory's list is found by its dataset_info.json", async () => {
    writeFileSync(
      join(folder, "visplay.json"),
      JSON.stringify([0, 1, 2, 3].map(forms["LLaMA-Factory's"] as never)),
    );
    writeFileSync(
      join(folder, "dataset_info.json"),
      JSON.stringify({ visplay: { file_name: "visplay.json" } }),
    );
    expect(await contents(await open(folder))).toEqual(rows);
  });

  test("what is broken is named with its line, and the rest is read", async () => {
    const good = { question: "how many in 1?", answer: 1, image: "img/1.png" };
    const set = await open(
      lines("rows.jsonl", [
        good,
        "",
        "{not json",
        "[1, 2]",
        `{"question": "${"x".repeat(17 * 2 ** 20)}"}`,
        { ...good, image: "../../etc/passwd" },
        { ...good, image: "/etc/passwd" },
        { ...good, image: "https://example.org/1.png" },
        { ...good, image: "img/none.png" },
        { ...good, question: "<image><image>two?" },
        { ...good, question: " <image> " },
        { ...good, question: null },
        { ...good, answer: null },
        { ...good, image: 7 },
        good,
      ]),
    );
    expect(set.broken).toMatchObject([
      { row: 3, reason: 'found "{not json", expected a JSON object' },
      { row: 4, reason: 'found "[1, 2]", expected a JSON object' },
      { row: 5, reason: "found a line of 17825808 bytes, expected at most 16777216" },
    ]);
    const all = await contents(set);
    expect(all.map((row) => ("reason" in row ? `${row.row}: ${row.reason}` : row))).toEqual([
      rows[1],
      "6: found ../../etc/passwd, which leads out of the folder; expected a path inside",
      "7: found /etc/passwd, which leads out of the folder; expected a path inside",
      "8: found an address (https://example.org/1.png), expected a path; fetch it first",
      "9: found no picture img/none.png",
      "10: found 2 <image> in the question and 1 pictures",
      "11: found an empty question",
      "12: found nothing, expected a question",
      "13: found no answer",
      "14: found a picture that is neither a path nor an object with one",
      rows[1],
    ]);
  });

  test("a link that leads out of the folder is not followed", async () => {
    const outside = mkdtempSync(join(tmpdir(), "visplay-outside-"));
    cpSync(join(folder, "img/1.png"), join(outside, "1.png"));
    symlinkSync(join(outside, "1.png"), join(folder, "img/link.png"));
    const set = await open(lines("rows.jsonl", [{ question: "q", answer: "a", image: "img/link.png" }]));
    const row = await set.row(0);
    if ("reason" in row) throw new Error(row.reason);
    await expect(row.images[0]?.read(defaultLimits)).rejects.toMatchObject({
      code: "images",
      message: "found a link that leads out of the folder",
    });
    rmSync(outside, { recursive: true });
  });
});

describe("ImageFolder", () => {
  test("metadata.jsonl names pictures beside it, in sub-folders, too", async () => {
    mkdirSync(join(folder, "train"));
    cpSync(join(folder, "img/0.png"), join(folder, "train/0.png"));
    lines("train/metadata.jsonl", [{ file_name: "0.png", question: "how many in 0?", answer: "0" }]);
    expect(await contents(await open(folder))).toEqual([rows[0]]);
  });

  test("metadata.csv has quoted fields, lines of other lengths are broken", async () => {
    const text =
      'file_name,question,answer\r\nimg/0.png,"how many, ""in""\n0?",0\r\nimg/1.png,q\r\n\r\nimg/1.png,how many in 1?,1';
    writeFileSync(join(folder, "metadata.csv"), text);
    const set = await open(folder);
    expect(await contents(set)).toEqual([{ ...rows[0], question: 'how many, "in"\n0?' }, rows[1]]);
    expect(set.broken).toEqual([{ file: "metadata.csv", row: 4, reason: "found 2 fields, expected 3" }]);
  });
});

describe("WebDataset", () => {
  test.each(["pax", "gnu"])("a tar file with %s names", async (form) => {
    const set = await open(`${files}/${form}.tar`);
    expect(set.columns).toEqual(["image", "question", "answer", "meta"]);
    expect(await contents(set)).toEqual(rows);
    const last = await set.images(3);
    const longest = `${form}.tar#${"a_long_name/".repeat(12)}000003.png`;
    expect(last).toMatchObject([{ name: longest, standsAlone: true }]);
  });

  test("one that is cut gives what came whole; absurd sizes are no reason to read", async () => {
    cpSync(`${files}/gnu.tar`, join(folder, "x.tar"));
    truncateSync(join(folder, "x.tar"), 2600);
    const set = await open(join(folder, "x.tar"));
    expect(await contents(set)).toEqual([rows[0]]);
    expect(set.broken).toMatchObject([
      { file: "x.tar", row: null, reason: expect.stringContaining("behind the end") },
    ]);

    const bytes = readFileSync(`${files}/gnu.tar`);
    const header = bytes.subarray(0, 512);
    header.write("77777777777\0", 124, "latin1");
    const sum = header.reduce((all, byte, i) => all + (i >= 148 && i < 156 ? 32 : byte), 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
    writeFileSync(join(folder, "y.tar"), bytes);
    await expect(open(join(folder, "y.tar"))).rejects.toMatchObject({
      code: "data",
      message: expect.stringContaining("000000.json of 8589934591 bytes, which goes on behind the end"),
    });
    writeFileSync(join(folder, "z.tar"), Buffer.alloc(2048, "no tar"));
    await expect(open(join(folder, "z.tar"))).rejects.toMatchObject({ code: "data" });
  });
});

describe("columns", () => {
  test("are mapped as they are given, and what is not there is said with what is", async () => {
    const path = lines("rows.jsonl", [
      { a: "how many in 2?", b: ["2", "two"], question: "no", c: "img/2.png" },
    ]);
    const set = await open(path, { question: "a", answer: "b", image: "c" });
    expect(await contents(set)).toEqual([{ ...rows[2], answers: ["2", "two"] }]);
    await expect(open(path, { question: "d" })).rejects.toMatchObject({
      code: "data",
      message: expect.stringContaining(
        "found no column d for the question; its columns are a, b, question, c",
      ),
    });
    const unmapped = await open(path);
    await expect(unmapped.row(0)).rejects.toMatchObject({
      message: expect.stringContaining("column for the image"),
    });
  });
});

test("what is no data is said with what would be", async () => {
  for (const data of ["nowhere", join(folder, "img"), join(folder, "img/0.png")])
    await expect(open(data)).rejects.toMatchObject({
      code: "data",
      message: expect.stringContaining("expected Parquet"),
    });
});
