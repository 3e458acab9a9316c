import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { contentId } from "../../images/image.ts";
import {
  type AnswerRecord,
  type CurriculumEpisode,
  type CurriculumQuestion,
  REPLAY_VERSION,
  type ReasonerEpisode,
  type RunEvent,
} from "../../replay/events.ts";
import { REPLAY_NAME } from "../../replay/schema.ts";
import { Database } from "../../replay/sqlite.ts";
import { ReplayStore } from "../../replay/store.ts";
import { type Outcome, runProgram } from "../built.ts";
import { PushServer, token } from "../hub/push_server.ts";

const tried = (...args: string[]): Promise<Outcome> => runProgram(["export-curriculum", ...args]);

async function visplay(...args: string[]): Promise<Outcome> {
  const outcome = await tried(...args);
  expect(outcome.code, outcome.stderr).toBe(0);
  return outcome;
}

const completion = { tokens: [1, 2], logProbs: [-0.5, -0.25], text: "…", finishReason: "stop" as const };

/** Answers that were each given so often. */
function question(
  text: string,
  votes: Record<string, number>,
  rejection: CurriculumQuestion["rejection"] = null,
): CurriculumQuestion {
  const counts = Object.entries(votes).map(([answer, count]) => ({ answer, count }));
  const samples = counts.reduce((sum, { count }) => sum + count, 0);
  const [majority] = counts;
  const silver = majority?.answer ?? null;
  return {
    completion,
    question: text,
    failure: null,
    ownAnswer: null,
    answers: [],
    described: null,
    solution: null,
    blindAnswers: [],
    verdict: {
      silver,
      confidence: (majority?.count ?? 0) / samples,
      votes: counts,
      abstentions: 0,
      parseFailures: 0,
      samples,
      // Tools helped with all but one.
      verified: samples - 1,
    },
    rejection,
    label: rejection === null ? silver : null,
  };
}

const shared = {
  version: REPLAY_VERSION,
  atMs: 0,
  stage: "selfPlay",
  versions: {},
  prompt: "ask",
  step: 0,
} as const;

function asked(round: number, image: string, questions: CurriculumQuestion[]): RunEvent & CurriculumEpisode {
  const seen = { index: 0, name: `${image.slice(0, 4)}.png`, id: image };
  const origin = { phase: "curriculum", role: "questioner", round } as const;
  return { type: "curriculumEpisode", ...shared, ...origin, image: seen, questions };
}

function taught(
  image: string,
  text: string,
  label: string,
  agreements: number[],
): RunEvent & ReasonerEpisode {
  const read = { outcome: "answered", vote: label, failure: null } as const;
  const answer: AnswerRecord = { ...completion, ...read, trajectory: null, verified: null };
  const rollouts = agreements.map((agreement) => ({
    ...answer,
    attribution: null,
    parts: { agreement },
    referenceLogProbs: null,
    reward: agreement,
    advantage: 0,
  }));
  const seen = { index: 0, name: "taught.png", id: image };
  const origin = { phase: "reasoner", role: "reasoner", round: 1 } as const;
  return {
    type: "reasonerEpisode",
    ...shared,
    ...origin,
    image: seen,
    ...{ turns: null, tools: null, view: 0, question: text, label, confidence: 1 },
    rollouts,
  };
}

let folder: string;
let images: string[];

/** Two rounds about three pictures, and another run about one of them. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "visplay-export-cli-"));
  // Bright and dark patches, in other places in each.
  const files = await Promise.all(
    [3, 5, 7].map((step) => {
      const pixels = Uint8Array.from({ length: 36 * 32 * 3 }, (_, at) => {
        const [x, y] = [(Math.floor(at / 3) % 36) >> 2, Math.floor(at / 108) >> 2];
        return (x * x * step + y * step * 3) % 11 > 5 ? 220 : 30;
      });
      return sharp(pixels, { raw: { width: 36, height: 32, channels: 3 } })
        .png()
        .toBuffer();
    }),
  );
  images = files.map((bytes) => contentId(bytes));
  const stored = files.map((bytes, i) => ({
    id: images[i] as string,
    extension: "png",
    bytes: async () => bytes,
  }));
  const [red = "", green = "", blue = ""] = images;
  await using store = await ReplayStore.create(join(folder, "run"));
  await store.append(
    [
      asked(1, red, [
        question("what colour ?", { red: 4 }),
        question("how many ?", { "1": 3, "2": 1 }),
        question("why ?", { no: 2, yes: 2 }, "belowBand"),
      ]),
      taught(red, "how many ?", "1", [1, 1, 1, 1]),
      taught(red, "how many ?", "1", [1, 0, 0, 0]),
      asked(2, green, [question("what colour ?", { green: 4 })]),
      asked(2, blue, [question("what colour ?", { blue: 2, green: 2 })]),
    ],
    stored,
  );
  await using other = await ReplayStore.create(join(folder, "other"));
  await other.append(
    [asked(1, red, [question("What colour ?", { crimson: 4 }), question("is it red ?", { yes: 4 })])],
    stored.slice(0, 1),
  );
  await using empty = await ReplayStore.create(join(folder, "empty"));
  await empty.append([taught(red, "how many ?", "1", [1])], stored.slice(0, 1));
});
afterAll(() => rm(folder, { recursive: true }));

const at = (name: string): string => join(folder, name);

async function rows(name: string): Promise<{ question: string; answer: string; run: string }[]> {
  const text = await readFile(join(at(name), "train.jsonl"), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

const texts = async (name: string): Promise<string[]> =>
  (await rows(name)).map(({ question, answer }) => `${question} ${answer}`);

describe("visplay export-curriculum", () => {
  test("writes what entered the curriculum, with its votes and where it comes from", async () => {
    await visplay(at("run"), "--format", "jsonl", "--out", at("plain"));
    expect(await texts("plain")).toEqual([
      "what colour ? red",
      "how many ? 1",
      "what colour ? green",
      "what colour ? blue",
    ]);
    const [, second] = await rows("plain");
    expect(second).toMatchObject({
      confidence: 0.75,
      uncertainty: 0.5,
      verified: 3,
      round: 1,
      run: "run",
      image_id: images[0],
      episode: 1,
      rollout: 1,
    });
    expect(second).toMatchObject({
      votes: [
        { answer: "1", count: 3 },
        { answer: "2", count: 1 },
      ],
    });
  });

  test("rounds, confidence and outcome select", async () => {
    await visplay(
      at("run"),
      "--format",
      "jsonl",
      "--out",
      at("second"),
      "--rounds",
      "2-5",
      "--confidence",
      "0.8..",
    );
    expect(await texts("second")).toEqual(["what colour ? green"]);
    await visplay(at("run"), "--format", "jsonl", "--out", at("rejected"), "--outcome", "belowBand");
    expect(await texts("rejected")).toEqual(["why ? no"]);
  });

  test("what the Reasoner still got wrong the last time it was taught with it", async () => {
    await visplay(at("run"), "--format", "jsonl", "--out", at("hard"), "--agreement", "..0.5");
    expect(await texts("hard")).toEqual(["how many ? 1"]);
  });

  test("runs are merged without duplicates", async () => {
    await visplay(at("run"), at("other"), "--format", "jsonl", "--out", at("merged"));
    expect((await rows("merged")).map(({ run, question }) => `${run}: ${question}`)).toEqual([
      "run: what colour ?",
      "run: how many ?",
      "run: what colour ?",
      "run: what colour ?",
      "other: is it red ?",
    ]);
  });

  test("what a fork took over is exported with it, without votes", async () => {
    const fork = await ReplayStore.create(at("fork"));
    await fork.adoptCurricula(at("run"), 1, 5);
    await fork[Symbol.asyncDispose]();
    const { stdout } = await visplay(at("fork"), "--dry-run");
    expect(stdout).toContain("2 questions with an answer");
    expect(stdout).toContain("2 left out: image not kept");
  });

  test("of a fork, an item that is damaged is left out, counted and named", async () => {
    const [red = ""] = images;
    const bytes = () => readFile(join(at("run"), "images", `${red}.png`));
    {
      await using fork = await ReplayStore.create(at("spoilt"));
      await fork.adoptCurricula(at("run"), 1, 5);
      await fork.append(
        [asked(2, red, [question("is it red ?", { yes: 4 })])],
        [{ id: red, extension: "png", bytes }],
      );
    }
    {
      using database = Database.forWriting(join(at("spoilt"), REPLAY_NAME));
      database.exec("UPDATE curriculum SET label = 'other' WHERE round = 1 AND place = 1");
    }
    const { stderr } = await visplay(at("spoilt"), "--format", "jsonl", "--out", at("mended"));
    const damage = "spoilt: item 1 of the curriculum of round 1 is damaged: its checksum differs";
    expect(stderr).toContain(damage);
    expect(await texts("mended")).toEqual(["what colour ? red", "is it red ? yes"]);
    const manifest = JSON.parse(await readFile(join(at("mended"), "curriculum.json"), "utf8"));
    expect(manifest).toMatchObject({ counts: { candidates: 2, exported: 2 }, damaged: [damage] });
    expect(await readFile(join(at("mended"), "README.md"), "utf8")).toContain("left out, too: 1 in");
  });

  test("--dry-run says why, and writes nothing", async () => {
    const before = await readdir(folder);
    const { stdout } = await visplay(at("run"), "--dry-run", "--min-votes", "3", "--confidence", "0.6..0.9");
    expect(stdout).toBe(
      [
        "5 questions with an answer",
        "  1 left out: outcome belowBand",
        "  3 left out: confidence",
        "1 selected, on 1 image",
        "  train: 1",
        "",
      ].join("\n"),
    );
    expect(await readdir(folder)).toEqual(before);
  });

  test("--decontaminate drops pictures of a test set, and lists them", async () => {
    await writeFile(
      at("exam.jsonl"),
      `${JSON.stringify({ image: `run/images/${images[1]}.png`, question: "is it green ?", answer: "yes" })}\n`,
    );
    const { stdout } = await visplay(
      at("run"),
      "--format",
      "jsonl",
      "--out",
      at("clean"),
      "--decontaminate",
      at("exam.jsonl"),
    );
    expect(stdout).toContain("1 left out: like a test image");
    const { contaminated } = JSON.parse(await readFile(join(at("clean"), "curriculum.json"), "utf8"));
    expect(contaminated).toMatchObject([{ image: images[1], question: "what colour ?" }]);
  });

  test("--decontaminate takes a folder of pictures, and names those that cannot be looked at", async () => {
    await mkdir(at("pictures"));
    await copyFile(join(at("run"), "images", `${images[0]}.png`), join(at("pictures"), "seen.png"));
    await writeFile(join(at("pictures"), "broken.png"), "no picture");
    const { stdout, stderr } = await visplay(at("run"), "--dry-run", "--decontaminate", at("pictures"));
    expect(stdout).toContain("2 left out: like a test image");
    expect(stderr).toContain("skipped: broken.png");
  });
});

describe("what cannot be is said, and nothing is written", () => {
  const failures: readonly (readonly [string, () => string[], number, RegExp])[] = [
    [
      "an unknown format",
      () => [at("run"), "--format", "parquet", "--out", at("x")],
      2,
      /found parquet, expected one of datasets, easyr1/,
    ],
    ["no format", () => [at("run"), "--out", at("x")], 2, /no --format/],
    ["no folder", () => [at("run"), "--format", "jsonl"], 2, /no --out/],
    [
      "a folder that holds something",
      () => [at("run"), "--format", "jsonl", "--out", at("run")],
      3,
      /not empty/,
    ],
    [
      "a file in its place",
      () => [at("run"), "--format", "jsonl", "--out", at("run/replay.db")],
      3,
      /not empty/,
    ],
    ["no run", () => [folder, "--format", "jsonl", "--out", at("x")], 11, /replay\.db/],
    [
      "a run without a curriculum",
      () => [at("empty"), "--format", "jsonl", "--out", at("x")],
      8,
      /empty: found no question/,
    ],
    [
      "a selection of nothing",
      () => [at("run"), "--format", "jsonl", "--out", at("x"), "--rounds", "9"],
      8,
      /5 left out: round/,
    ],
    ["a band upside down", () => [at("run"), "--dry-run", "--confidence", "0.8..0.2"], 2, /from 0 to 1/],
    ["two splits of one name", () => [at("run"), "--dry-run", "--split", "a=1,a=2"], 2, /different names/],
    [
      "two formats for the hub",
      () => [at("run"), "--format", "jsonl", "--format", "trl", "--out", at("x"), "--push", "a/b"],
      2,
      /--push: found 2 formats/,
    ],
    [
      "a hub without a token",
      () => [at("run"), "--format", "jsonl", "--out", at("x"), "--push", "a/b"],
      15,
      /found no HF_TOKEN/,
    ],
    ["no name of the hub", () => [at("run"), "--dry-run", "--push", "name"], 2, /expected owner\/name/],
    ["--public alone", () => [at("run"), "--dry-run", "--public"], 2, /no --push/],
    ["--balance alone", () => [at("run"), "--dry-run", "--balance"], 2, /no --max/],
    [
      "a place that is none",
      () => [at("run"), "--format", "jsonl", "--out", at("run/replay.db/x")],
      3,
      /--out/,
    ],
  ];
  test("a hub that ends the upload: the folder stays, and it is said how to go on", async () => {
    await using hub = await PushServer.start();
    vi.stubEnv("HF_ENDPOINT", hub.url);
    vi.stubEnv("HF_TOKEN", token);
    const args = [at("run"), "--format", "jsonl", "--push", "owner/curriculum", "--out"];
    hub.faults.set(/commit/, 500);
    expect(await tried(...args, at("pushed"))).toMatchObject({
      code: 15,
      stderr: expect.stringContaining(`hf upload owner/curriculum ${at("pushed")} --repo-type dataset`),
    });
    hub.faults.clear();
    const { stderr } = await visplay(...args, at("again"));
    expect(stderr).toContain(`${hub.url}/datasets/owner/curriculum (private)`);
    const names = (await readdir(at("again"), { recursive: true })).filter((name) => name.includes("."));
    expect([...(hub.repositories.get("owner/curriculum")?.files.keys() ?? [])].sort()).toEqual(names.sort());
    expect((await readdir(at("pushed"), { recursive: true })).sort()).toEqual(
      (await readdir(at("again"), { recursive: true })).sort(),
    );
    vi.unstubAllEnvs();
  });

  test.each(failures)("%s", async (_, args, code, message) => {
    expect(await tried(...args())).toMatchObject({ code, stderr: expect.stringMatching(message) });
    expect((await readdir(folder)).filter((name) => name === "x" || name.endsWith(".partial"))).toEqual([]);
  });
});
