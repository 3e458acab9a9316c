import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exitCodes } from "../../common/errors.ts";
import { ReplayReader } from "../../replay/reader.ts";
import { runProgram, spawnProgram } from "../built.ts";
import { smallEvaluation, smallRun } from "./small_run.ts";

/** With a small evaluation. */
const small = [...smallRun, ...smallEvaluation];

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "visplay-train-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

function trainArguments(out: string, settings: readonly string[], ...rest: string[]): string[] {
  const set = [...small, ...settings].flatMap((setting) => ["--set", setting]);
  return ["train", "--out", join(folder, out), ...set, ...rest];
}

/** The exit code and what was said. */
const train = (...run: Parameters<typeof trainArguments>) => runProgram(trainArguments(...run));

async function hashes(out: string): Promise<string[]> {
  const files = ["questioner", "reasoner"].map((role) =>
    join(folder, out, "round-1", role, "model.safetensors"),
  );
  const bytes = await Promise.all(files.map((file) => readFile(file)));
  return bytes.map((content) => createHash("sha256").update(content).digest("hex"));
}

describe("visplay train with the embedded model", () => {
  test("learns in both phases, and gives the same bits again", async () => {
    expect(await spawnProgram(trainArguments("one", []))).toMatchObject({ code: 0 });
    expect(await train("two", ["evaluation.questions=0"])).toMatchObject({ code: 0 });
    expect(await hashes("two")).toEqual(await hashes("one"));
    const [questioner, reasoner] = await hashes("one");
    expect(questioner).not.toBe(reasoner);

    const { rounds, status } = JSON.parse(await readFile(join(folder, "one", "summary.json"), "utf8"));
    expect(status).toBe("finished");
    expect(rounds).toHaveLength(2);
    const updates = { questioner: 0, reasoner: 0 };
    using replay = ReplayReader.open(join(folder, "one"));
    for (const { event } of replay.events()) {
      if (event.type === "questionerStep" && event.update) updates.questioner++;
      if (event.type === "reasonerStep" && event.update) updates.reasoner++;
    }
    expect(updates).toEqual({ questioner: 2, reasoner: 2 });
  });

  test("that learns nothing says so, and does not end like one that does", async () => {
    const settings = ["reasoner.maxTokens=1", "trial.images=0", "evaluation.questions=0"];
    const { code, stderr } = await train("nothing", settings);
    expect(code).toBe(exitCodes.taughtNothing);
    expect(stderr).toMatch(
      /the run taught nothing: the Reasoner took no step in 1 round; no question entered/,
    );
    const { status, taught } = JSON.parse(await readFile(join(folder, "nothing", "summary.json"), "utf8"));
    expect([status, taught]).toEqual(["finished", false]);
  });

  test("another seed gives other bits", async () => {
    expect(await train("three", ["evaluation.questions=0"], "--seed", "7")).toMatchObject({ code: 0 });
    expect(await hashes("three")).not.toEqual(await hashes("one"));
  });

  test("photographs of any size go through all phases, broken files are named and skipped", async () => {
    const photos = await mkdtemp(join(folder, "photos-"));
    const sizes = [
      [1, 1],
      [640, 480],
      [37, 911],
      [2000, 30],
      [512, 512],
    ] as const;
    for (const [i, [width, height]] of sizes.entries()) {
      const noise = { type: "gaussian", mean: 128, sigma: 60 } as const;
      const picture = sharp({ create: { width, height, channels: 3, background: "gray", noise } });
      await picture.toFile(join(photos, `${i}.${["png", "jpg", "webp", "tiff", "gif"][i]}`));
    }
    await writeFile(join(photos, "broken.jpg"), "no image");
    await writeFile(join(photos, "empty.png"), "");
    const { code, stderr } = await train(
      "photos",
      ["curriculum.evidence.use=none", "curriculum.band.low=0"],
      "--images",
      photos,
    );
    expect(code, stderr).toBe(0);
    expect(stderr).toContain("broken.jpg");
    expect(stderr).toContain("empty.png");
  });

  test("three rounds whose band admits nothing end the run with a message", async () => {
    const empty = [
      "rounds=4",
      "questioner.train=false",
      "curriculum.band.low=0.01",
      "curriculum.band.high=0.02",
    ];
    const { code, stderr } = await train("empty", [...empty, "evaluation.questions=0"]);
    expect(code).toBe(8);
    expect(stderr).toContain("curriculum.band");
  });

  test.each([
    ["a group of one", ["questioner.groupSize=1"], [], 3, "expected at least 2"],
    ["a typo", ["reasoner.learningrate=1"], [], 3, "learningRate"],
    ["a missing model", [], ["--model", "nowhere"], 4, "nowhere"],
    ["a missing folder", [], ["--images", "nowhere"], 5, "nowhere"],
  ])("%s is refused with its own exit code", async (name, settings, rest, wanted, message) => {
    const { code, stderr } = await train(name, settings, ...rest);
    expect(code).toBe(wanted);
    expect(stderr).toContain(message);
  });
});
