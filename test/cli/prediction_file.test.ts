import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { AnsweredTest, Mark } from "../../arena/evaluation.ts";
import type { AlteredTest } from "../../arena/looking/dependence.ts";
import { PredictionFile } from "../../cli/prediction_file.ts";
import { imageOf } from "../../images/image.ts";
import type { Answer } from "../../reasoner/reasoner.ts";
import type { AttributionRecord } from "../../replay/events.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "visplay-predictions-"));
});
afterEach(() => rm(folder, { recursive: true }));

const image = imageOf(1, 1, new Uint8Array(3));

function answered(text: string): Answer {
  const parsed = text === "" ? { outcome: "unparsed" } : { outcome: "answered", answer: text };
  return { completion: { text: `<answer>${text}` }, parsed } as Answer;
}

const found: AttributionRecord = {
  ...{ description: "p00 red", checks: { truth: 0 }, conclusion: null, described: false },
  ...{ concluded: false, cause: "grounding", by: "truth" },
};

const given: [AnsweredTest, Mark][] = Array.from({ length: 250 }, (_, i) => [
  {
    test: {
      ...{ image, name: `${i}.png`, question: `how many, "${i}" ? é` },
      ...{ truths: [`${i}`, "many"], group: i % 2 ? "odd" : null },
    },
    greedy: answered(`${i}`),
    blind: answered(""),
    warm: [answered("1"), answered(`${i}`)],
    cool: i === 3 ? [] : [answered("2")],
    altered: i % 2 ? [[{ alteration: "evidence" } as AlteredTest, answered("9")]] : null,
    look: null,
  },
  {
    ...{ group: i % 2 ? "odd" : null, greedy: 1, abstained: 0, unparsed: 1 / 3 },
    ...{ blind: 0, warm: 0.5, cool: i / 250, majority: 0, best: 1 },
    calibration: { votes: null, statement: i % 2 ? { stated: 0.7, right: 1 } : null },
    attribution: i % 2 ? found : null,
  },
]);

async function write(path: string): Promise<void> {
  await using file = await PredictionFile.create(path);
  for (const [test, mark] of given) file.add(test, mark);
  expect(await readdir(folder)).toHaveLength(1);
  await file.keep();
}

test("predictions are the same as Parquet and as lines of JSON", async () => {
  const [lines, parquet] = [join(folder, "a.jsonl"), join(folder, "a.parquet")];
  await write(lines);
  const rows = (await readFile(lines, "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(rows).toHaveLength(given.length);
  expect(rows[1]).toEqual({
    image: "1.png",
    question: 'how many, "1" ? é',
    truths: ["1", "many"],
    group: "odd",
    scores: {
      ...{
        greedy: 1,
        abstained: 0,
        unparsed: 1 / 3,
        blind: 0,
        warm: 0.5,
        cool: 1 / 250,
        majority: 0,
        best: 1,
      },
    },
    greedy: { completion: "<answer>1", outcome: "answered", answer: "1" },
    blind: { completion: "<answer>", outcome: "unparsed", answer: null },
    warm: ["1", "1"].map((answer) => ({ completion: `<answer>${answer}`, outcome: "answered", answer })),
    cool: [{ completion: "<answer>2", outcome: "answered", answer: "2" }],
    altered: [{ alteration: "evidence", completion: "<answer>9", outcome: "answered", answer: "9" }],
    ...{ stated: 0.7, description: "p00 red", conclusion: null, cause: "grounding" },
  });
  await rm(lines);
  await write(parquet);
  expect(await parquetReadObjects({ file: await asyncBufferFromFile(parquet), compressors })).toEqual(rows);
  expect(await readdir(folder)).toEqual(["a.parquet"]);
});

test.each(["a.jsonl", "a.parquet"])("%s is not there where it was not written to its end", async (name) => {
  {
    await using file = await PredictionFile.create(join(folder, name));
    const [[test, mark] = []] = given;
    if (test && mark) file.add(test, mark);
  }
  expect(await readdir(folder)).toEqual([]);
  await expect(PredictionFile.create(join(folder, "none", name))).rejects.toMatchObject({ code: "disk" });
});
