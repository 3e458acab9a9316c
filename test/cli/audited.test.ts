import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openAudited } from "../../cli/audited.ts";
import { configOf } from "../fakes/config.ts";
import { makeWorld } from "../fakes/world.ts";

const folder = mkdtempSync(join(tmpdir(), "visplay-audited-"));
afterAll(() => rmSync(folder, { recursive: true }));

const { images } = makeWorld({ images: 9 });
const said: string[] = [];
const opening = {
  signal: new AbortController().signal,
  say: (line: string) => said.push(line),
  show: () => {},
};

function audited(name: string, content: string) {
  const file = join(folder, name);
  writeFileSync(file, content);
  return openAudited(configOf({ alarms: { audited: file } }), images, opening);
}

test("none is given by default", async () => {
  expect(await openAudited(configOf(), images, opening)).toEqual([]);
});

test("JSONL and YAML are read, images by their names, answers as they are said", async () => {
  const wanted = [
    { image: 3, question: "how many ?", answer: "4" },
    { image: 8, question: "is it day ?", answer: "yes" },
  ];
  const lines = [
    '{"image": "3.png", "question": "how many ?", "answer": 4}',
    "",
    '{"image": "8.png", "question": "is it day ?", "answer": true}',
  ];
  expect(await audited("a.jsonl", `${lines.join("\n")}\n`)).toEqual(wanted);
  const yaml =
    '- {image: 3.png, question: "how many ?", answer: 4}\n- {image: 8.png, question: "is it day ?", answer: yes}\n';
  expect(await audited("a.yaml", yaml)).toEqual(wanted);
});

test("names with accents are found however these are written", async () => {
  const decomposed = "cafe\u0301.png";
  const named = Object.assign(Object.create(images), {
    length: 2,
    name: (i: number) => ["a.png", decomposed][i],
  });
  const file = join(folder, "accents.jsonl");
  writeFileSync(file, `${JSON.stringify({ image: "caf\u00e9.png", question: "q", answer: "a" })}\n`);
  const config = configOf({ alarms: { audited: file } });
  expect(await openAudited(config, named, opening)).toEqual([{ image: 1, question: "q", answer: "a" }]);
});

test.each([
  [
    "an image that the run does not have",
    "b.jsonl",
    '{"image":"x.png","question":"q","answer":"a"}',
    /entry 1: found x\.png, expected an image of the run, such as 0\.png/,
  ],
  [
    "an entry without an answer",
    "c.jsonl",
    '{"image":"3.png","question":"q"}',
    /entry 1: answer: .*expected \{image, question, answer\}/,
  ],
  ["a line that is no JSON", "d.jsonl", "{", /d\.jsonl: /],
  ["no list", "e.yaml", "a: 1", /expected a list/],
])("%s is refused, with the place", async (_, name, content, message) => {
  await expect(audited(name, content)).rejects.toMatchObject({
    code: "config",
    message: expect.stringMatching(message),
  });
});

test("a file that is not there is refused", async () => {
  const config = configOf({ alarms: { audited: join(folder, "nowhere.jsonl") } });
  await expect(openAudited(config, images, opening)).rejects.toMatchObject({
    code: "config",
    message: /no such file/,
  });
});

test("data is read whose pictures are the run's, as those of its pool are named", async () => {
  const load = images.load.bind(images);
  const pool = { load, length: 4, name: (i: number) => `datasets.parquet#${i + 1}` };
  const data = configOf({ alarms: { audited: "test/data/files/datasets.parquet" } });
  expect(await openAudited(data, pool, opening)).toEqual(
    [0, 1, 2, 3].map((i) => ({ image: i, question: `how many in ${i}?`, answer: String(i) })),
  );
  await expect(openAudited(data, { ...pool, length: 3 }, opening)).rejects.toMatchObject({
    code: "config",
    message: expect.stringContaining("found datasets.parquet#4, expected an image of the run"),
  });
});
