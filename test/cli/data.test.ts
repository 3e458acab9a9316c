import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openDataTests } from "../../cli/data_tests.ts";
import { encodePng } from "../../images/encode.ts";
import type { RgbImage } from "../../images/image.ts";
import { balancedQuestions } from "../../images/scenes/draw.ts";
import { formatQuestion } from "../../images/scenes/questions.ts";
import { columnOf, rowOf } from "../../images/scenes/scene.ts";
import { SceneSource } from "../../images/scenes/source.ts";
import { readPins } from "../../replay/reader.ts";
import { runProgram } from "../built.ts";
import { smallRun } from "./small_run.ts";

const files = resolve("test/data/files");
const scenes = new SceneSource({ domain: "target", count: 8, seed: 4 });
const asked = balancedQuestions(scenes, 14, 1);

let folder: string;
/** Questions about scenes as a user's own data. */
let questions: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "visplay-cli-data-"));
  questions = join(folder, "questions.jsonl");
  for (let i = 0; i < scenes.length; i++)
    await writeFile(join(folder, `${i}.png`), await encodePng(await scenes.draw(i)));
  const rows = asked.map(({ index, question, answer, evidence }) => ({
    problem: formatQuestion(question),
    solution: answer,
    image: `${index}.png`,
    family: question.family,
    // The cells that decide the answer, and a box that is none.
    box: evidence.map((cell) =>
      [columnOf(cell), rowOf(cell), columnOf(cell) + 1, rowOf(cell) + 1].map((at) => at * 16),
    ),
    note: "none here",
    nothing: [],
    shows: scenes.scene(index).objects.map(({ color, shape }) => `${color} ${shape}`),
  }));
  const broken = [
    { problem: "what ?", image: "0.png" },
    { problem: "what ?", solution: "a", image: "none.png" },
  ];
  await writeFile(join(folder, "rest.txt"), "no picture");
  const damaged = { problem: "what ?", solution: "a", image: "rest.txt", family: "shape" };
  const all = [...rows.slice(0, 7), ...broken, ...rows.slice(7), damaged];
  await writeFile(questions, all.map((row) => `${JSON.stringify(row)}\n`).join(""));
});
afterAll(() => rm(folder, { recursive: true }));

/** The exit code and all that a command said. */
async function visplay(...args: string[]): Promise<{ code: number; text: string }> {
  const env = { ...process.env, COLUMNS: "10000" };
  const { code, stdout, stderr } = await runProgram(args, { cwd: folder, env });
  return { code, text: stdout + stderr };
}

function opening(said: string[]) {
  return { signal: new AbortController().signal, say: (line: string) => said.push(line), show: () => {} };
}

describe("questions of one's own", () => {
  const dependence = { questions: 0, patches: 16, region: null };
  const hallucination = { pictures: null, perPicture: 2, things: null, prompt: null };
  const wanted = { columns: null, groupBy: "family", questions: 100, seed: 1, dependence, hallucination };

  test("are read with their groups; what is broken is named and left out", async () => {
    const said: string[] = [];
    const tests = await openDataTests(questions, wanted, opening(said));
    expect(tests).toMatchObject({
      length: 15,
      groups: [...new Set(asked.map((each) => each.question.family))].sort(),
    });
    expect(said).toEqual([
      "left out: questions.jsonl, row 8: found no answer",
      "left out: questions.jsonl, row 9: found no picture none.png",
      `${questions}: 2 rows left out`,
    ]);
    const read = await tests.read(0, 100, () => null);
    expect(read.map(({ question, truths, group }) => [question, ...truths, group])).toEqual(
      asked.map(({ question, answer }) => [formatQuestion(question), answer, question.family]),
    );
    expect(read[0]?.image.data).toEqual((await scenes.draw(asked[0]?.index as number)).data);
    expect(said.at(-1)).toMatch(/^left out of the evaluation: rest.txt: found data of no known image format/);
  });

  test("bring pictures with their evidence covered, and something else, by a column of boxes", async () => {
    const regional = { ...wanted, dependence: { ...dependence, region: "box" } };
    const tests = await openDataTests(questions, regional, opening([]));
    const read = await tests.read(0, 100, () => ({ width: 32, height: 32, filter: "lanczos" }));
    let covered = 0;
    for (const [i, { image, edit }] of read.entries()) {
      const cells = asked[i]?.evidence ?? [];
      const { evidence, elsewhere } = (await edit?.()) ?? {};
      const grey = (at: RgbImage | undefined, row: number, column: number) =>
        at?.data[3 * (32 * (8 * row + 4) + 8 * column + 4)] === 128;
      expect(image.width).toBe(32);
      // A relation of sides is mirrored instead.
      if (cells.length === 0 || evidence?.truths) continue;
      covered++;
      for (const cell of cells) expect(grey(evidence?.image, rowOf(cell), columnOf(cell))).toBe(true);
      for (const cell of cells)
        expect(grey(elsewhere?.image ?? image, rowOf(cell), columnOf(cell))).toBe(false);
    }
    expect(covered).toBeGreaterThan(7);
    const noted = { ...wanted, dependence: { ...dependence, region: "note" } };
    await expect(openDataTests(questions, noted, opening([]))).rejects.toThrow(
      /column note \(evaluation.dependence.region\): found "none here", expected boxes \[x1, y1, x2, y2\]/,
    );
  });

  test("bring pictures with what they show, each once, by a column of lists", async () => {
    const listing = { ...wanted, hallucination: { ...hallucination, things: "shows" } };
    const { known } = await openDataTests(questions, listing, opening([]));
    const first = [...new Set(asked.map(({ index }) => index))];
    const shown = first.map((index) =>
      scenes.scene(index).objects.map(({ color, shape }) => `${color} ${shape}`),
    );
    expect(known?.descriptions).toEqual(shown.map((things) => [...new Set(things)].join("; ")));
    expect(known?.vocabulary.things).toEqual([...new Set(shown.flat())].sort());
    const images = await known?.read(1, 3, () => null);
    expect([...(images ?? [])].map(([i, { data }]) => [i, data])).toEqual(
      await Promise.all([1, 2].map(async (i) => [i, (await scenes.draw(first[i] as number)).data])),
    );
    expect((await openDataTests(questions, wanted, opening([]))).known).toBeNull();
    const unlisted = { ...wanted, hallucination: { ...hallucination, things: "image" } };
    const lists = await openDataTests(questions, unlisted, opening([]));
    expect(lists.known?.vocabulary.things).toContain("0.png");
    const empty = { ...wanted, hallucination: { ...hallucination, things: "nothing" } };
    await expect(openDataTests(questions, empty, opening([]))).rejects.toThrow(
      /column nothing \(evaluation.hallucination.things\): found no list of things, expected/,
    );
  });

  test("are the first of them where fewer are wanted, and told apart by what they say", async () => {
    const some = await openDataTests(questions, { ...wanted, questions: 9 }, opening([]));
    expect(some.length).toBe(9);
    expect(some.first(4).length).toBe(4);
    const same = await openDataTests(questions, { ...wanted, questions: 9 }, opening([]));
    const ungrouped = await openDataTests(questions, { ...wanted, questions: 9, groupBy: null }, opening([]));
    expect(same.digest).toBe(some.digest);
    expect(ungrouped.digest).not.toBe(some.digest);
    expect(ungrouped.groups).toEqual([]);
  });

  test("visplay eval measures on them and writes what was answered", { timeout: 60_000 }, async () => {
    const out = join(folder, "predictions.jsonl");
    const { code, text } = await visplay(
      ...["eval", "--data", questions, "--samples", "2", "--group-by", "family", "--out", out],
    );
    expect(text).toContain("rows left out");
    expect(text).toMatch(/^all +\d/m);
    for (const { question } of asked) expect(text).toMatch(new RegExp(`^${question.family} +\\d`, "m"));
    expect(code).toBe(0);
    const predictions = (await readFile(out, "utf8"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(predictions.map(({ question }) => question)).toEqual(
      asked.map((each) => formatQuestion(each.question)),
    );
    for (const { scores, greedy, truths, warm } of predictions) {
      expect(scores.greedy).toBe(
        Number(
          greedy.answer === truths[0] || (greedy.outcome === "abstained" && truths[0] === "unanswerable"),
        ),
      );
      expect(warm).toHaveLength(2);
    }
    const right = predictions.filter(({ scores }) => scores.greedy === 1).length;
    expect(text).toMatch(new RegExp(`^all +${((100 * right) / 14).toFixed(1)}`, "m"));

    const again = await visplay("eval", "--data", questions, "--samples", "2", "--out", out);
    expect(again).toMatchObject({ code: 3, text: expect.stringContaining(`--out ${out} is there already`) });
    expect((await readFile(out, "utf8")).trim().split("\n")).toHaveLength(predictions.length);
  });

  test("a column that is not there, and data that is none, have a code of their own", async () => {
    expect(await visplay("eval", "--data", questions, "--columns", "question=no")).toMatchObject({
      code: 15,
      text: expect.stringContaining("its columns are problem, solution, image, family"),
    });
    expect(await visplay("eval", "--data", "nothing.parquet")).toMatchObject({ code: 15 });
    expect(await visplay("eval", "--data", questions, "--group-by", "no")).toMatchObject({ code: 15 });
  });
});

describe("a pool in a Parquet file", { timeout: 120_000 }, () => {
  const settings = [
    ...[...smallRun, "evaluation.questions=5", "evaluation.samples=1", "evaluation.encoder.pictures=4"],
    ...["checkpoint.everySteps=1", "checkpoint.keep=50", "curriculum.band.low=0"],
  ].flatMap((setting) => ["--set", setting]);

  let run: string;
  let pool: string;
  beforeAll(async () => {
    [run, pool] = [join(folder, "finished"), join(folder, "pool.parquet")];
    await cp(join(files, "pool.parquet"), pool);
    const evaluation = ["--set", `evaluation.data=${pool}`];
    const played = await visplay("train", "--images", pool, "--out", run, ...evaluation, ...settings);
    expect(played.text).toContain("9 pictures in 9 rows");
    expect(played).toMatchObject({ code: 0 });
  }, 120_000);

  /** The finished run as it was when its Reasoner had made one step. */
  async function stopped(name: string): Promise<string> {
    const copy = join(folder, name);
    await cp(run, copy, { recursive: true });
    const ids = await readdir(join(copy, "checkpoints"));
    const id = ids.find((each) => each.endsWith("-round-1-reasoner-1")) as string;
    await writeFile(join(copy, "checkpoints", "latest"), id);
    await rm(join(copy, "round-1"), { recursive: true });
    return copy;
  }
  const weights = (of: string) => readFile(join(of, "round-1/reasoner/model.safetensors"));

  test("is part of the run, and a run that goes on gives the same bits", async () => {
    const pins = readPins(run)?.images ?? [];
    expect(pins.map(({ name }) => name)).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8, 9].map((row) => `pool.parquet#${row}`),
    );
    expect(pins.filter(({ content }) => content !== null).length).toBeGreaterThan(5);
    const copy = await stopped("again");
    expect(await visplay("resume", copy)).toMatchObject({ code: 0 });
    expect(await weights(copy)).toEqual(await weights(run));
  });

  test("that shows something else is refused", async () => {
    const copy = await stopped("other");
    const bytes = await readFile(pool);
    // Within the first picture's pixels.
    const at = bytes.indexOf("IDAT") + 12;
    bytes[at] = (bytes[at] as number) ^ 1;
    await writeFile(pool, bytes);
    const refused = await visplay("resume", copy);
    await cp(join(files, "pool.parquet"), pool);
    expect(refused).toMatchObject({ code: 5, text: expect.stringContaining("pool.parquet#1 has changed") });
  });
});
