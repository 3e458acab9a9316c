import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RoundSummary } from "../../arena/summary.ts";
import { ReplayReader } from "../../replay/reader.ts";
import { writeOpposites } from "../fakes/labelled.ts";
import { ofType } from "../fakes/play.ts";
import { visplay } from "./visplay.ts";

let folder: string;
let train: string;
let held: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "visplay-stages-"));
  [train, held] = [join(folder, "train"), join(folder, "held")];
  await writeOpposites(train, 120, 5);
  await writeOpposites(held, 60, 6);
});
afterAll(() => rm(folder, { recursive: true }));

const set = (...settings: readonly string[]) => settings.flatMap((each) => ["--set", each]);
const measured = () => [
  "--test",
  held,
  ...set(
    "evaluation.samples=1",
    "evaluation.questions=60",
    "evaluation.encoder.pictures=0",
    "evaluation.dependence.questions=0",
  ),
];

async function roundsOf(run: string): Promise<RoundSummary[]> {
  return JSON.parse(await readFile(join(run, "summary.json"), "utf8")).rounds;
}

describe("visplay sft", () => {
  test("teaches a model the answers of a data set, by more than the interval, and its loss falls", async () => {
    const run = join(folder, "sft");
    const settings = ["itemsPerStep=16", "learningRate=2e-3", "heldOutEvery=5"].map(
      (each) => `stages.0.${each}`,
    );
    const { status, stderr } = await visplay(
      ...["sft", "--data", train, ...measured(), "--steps", "15", "--out", run, ...set(...settings)],
    );
    expect(status, stderr).toBe(0);
    const [base, after] = await roundsOf(run);
    expect(after?.stage).toBe("sft");
    expect(after?.intervals.greedy?.[0]).toBeGreaterThan(base?.intervals.greedy?.[1] as number);
    using reader = ReplayReader.open(run);
    const steps = ofType(
      [...reader.events()].map(({ event }) => event),
      "supervisedStep",
    );
    const losses = steps.flatMap(({ heldOutLoss }) => heldOutLoss ?? []);
    expect(losses.length).toBe(4);
    expect(losses.at(-1)).toBeLessThan(0.7 * (losses[0] as number));
    expect(after?.heldOutLoss).toBeCloseTo(losses.at(-1) as number, 12);
    const asked = await visplay("status", run);
    expect(asked.stdout).toMatch(/^finished/);
  }, 240_000);
});

describe("visplay grpo", () => {
  test("raises the reward of a model on a data set, by the labels alone", async () => {
    const run = join(folder, "grpo");
    const settings = ["itemsPerStep=8", "learningRate=2e-3", "beta=0", "positiveWeight=1"].map(
      (each) => `stages.0.${each}`,
    );
    const { status, stderr } = await visplay(
      ...["grpo", "--data", train, ...measured(), "--steps", "12", "--out", run, ...set(...settings)],
    );
    expect(status, stderr).toBe(0);
    const [base, after] = await roundsOf(run);
    expect(after?.intervals.greedy?.[0]).toBeGreaterThan(base?.intervals.greedy?.[1] as number);
    using reader = ReplayReader.open(run);
    const rewards = ofType(
      [...reader.events()].map(({ event }) => event),
      "reasonerStep",
    ).map(({ meanReward }) => meanReward);
    expect(rewards.length).toBe(12);
    const mean = (some: readonly number[]) => some.reduce((sum, each) => sum + each, 0) / some.length;
    expect(mean(rewards.slice(-4))).toBeGreaterThan(mean(rewards.slice(0, 3)) + 0.05);
    expect((await visplay("replay", "list", run, "--limit", "1", "--stage", "grpo")).stdout).toMatch(/grpo/);
  }, 240_000);
});

describe("a data set that cannot be learnt from", () => {
  const refused = (kind: string, data: string, ...more: readonly string[]) =>
    visplay(kind, "--data", data, "--out", join(folder, "never"), ...more);

  test("has no pictures where it says", async () => {
    const data = join(folder, "missing.jsonl");
    await writeFile(
      data,
      `${JSON.stringify({ image: "gone.png", question: "is it red ?", answer: "yes" })}\n`,
    );
    const { status, stderr } = await refused("sft", data);
    expect(status).toBe(15);
    expect(stderr).toMatch(
      /found no question with an answer and one picture in 1 row, .*missing.jsonl.*gone.png/s,
    );
  });

  test("has no answers", async () => {
    const data = join(train, "unlabelled.jsonl");
    const picture = (await readdir(train)).find((name) => name.endsWith(".png"));
    await writeFile(data, `${JSON.stringify({ image: picture, question: "is it red ?" })}\n`);
    const { status, stderr } = await refused("grpo", data);
    await rm(data);
    expect(status).toBe(15);
    expect(stderr).toMatch(/found no question with an answer .*: found no answer/s);
  });

  test("is none, or has settings of another kind", async () => {
    expect((await refused("sft", join(folder, "nowhere"))).status).toBe(15);
    const lacking = await visplay("grpo", "--out", join(folder, "never"));
    expect(lacking.status).toBe(3);
    expect(lacking.stderr).toContain("stages.0.data: found nothing, expected labelled data");
    const { status, stderr } = await refused("sft", train, ...set("stages.0.groupSize=4"));
    expect(status).toBe(3);
    expect(stderr).toMatch(/unknown key groupSize in stages.0/);
  });

  test("is to reach a figure that nobody knows, or that nothing measures", async () => {
    const unknown = await refused("sft", train, "--test", held, ...set("stages.0.requires.gredy=3"));
    expect(unknown.status).toBe(3);
    expect(unknown.stderr).toMatch(/unknown key gredy in stages.0.requires .*; did you mean greedy\?/);
    const unmeasured = await refused("sft", train, ...set("stages.0.requires.greedy=3"));
    expect(unmeasured.status).toBe(3);
    expect(unmeasured.stderr).toContain("set evaluation.data");
  });
});

test("a stage that does not come to what it requires ends the run with a code of its own", async () => {
  const run = join(folder, "floor");
  const { status, stderr } = await visplay(
    ...["sft", "--data", train, ...measured(), "--steps", "1", "--out", run],
    ...set("stages.0.itemsPerStep=2", "stages.0.heldOut=0", "stages.0.requires={maj8: 99}"),
  );
  expect(status).toBe(16);
  expect(stderr).toMatch(
    /the stage sft did not come to what it requires: maj8: found \d+\.\d%, expected at least 99%/,
  );
  expect((await roundsOf(run))[1]?.models?.reasoner).toBe("round-1/reasoner");
}, 120_000);
