import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RoundSummary } from "../../arena/summary.ts";
import { ReplayReader } from "../../replay/reader.ts";
import { writeOpposites } from "../fakes/labelled.ts";
import { ofType } from "../fakes/play.ts";
import { visplay } from "./visplay.ts";

let folder: string;
let train: string;
let held: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "visplay-gated-"));
  [train, held] = [join(folder, "train"), join(folder, "held")];
  await writeOpposites(train, 20, 5);
  await writeOpposites(held, 10, 6);
});
afterAll(() => rm(folder, { recursive: true }));

/** The example of the page, small: little data, few steps, floors that a run of seconds reaches. */
function small(run: string, ...more: readonly string[]): readonly string[] {
  const settings = [
    ...[`stages.0.data=${train}`, "stages.0.epochs=0.2", "stages.0.itemsPerStep=4", "stages.0.groupSize=4"],
    "stages.1.rounds=1",
    ...[`stages.2.environment.data=${train}`, "stages.2.epochs=0.2", "stages.2.itemsPerStep=4"],
    "stages.2.groupSize=4",
    ...["stages.0.requires.greedy=0", "stages.1.requires.greedy=0", "stages.1.requires.maj8=0"],
    "stages.2.requires.greedy=0",
    ...["images.data=null", "questioner.stepsPerRound=1", "questioner.imagesPerStep=2"],
    ...["curriculum.images=4", "reasoner.stepsPerRound=1", "reasoner.itemsPerStep=4"],
    ...[`evaluation.data=${held}`, "evaluation.samples=1", "evaluation.questions=8"],
    ...["evaluation.dependence.questions=4", "evaluation.encoder.pictures=8"],
    ...more,
  ];
  return [
    "train",
    "--config",
    "docs/gated.yaml",
    "--out",
    run,
    ...settings.flatMap((each) => ["--set", each]),
  ];
}

function roundsOf(run: string): RoundSummary[] {
  return JSON.parse(readFileSync(join(run, "summary.json"), "utf8")).rounds;
}

test("labels, self-play and tools are stages of one run, each of which has to reach something", async () => {
  const run = join(folder, "whole");
  const { status, stderr } = await visplay(...small(run));
  expect(status, stderr).toBe(0);
  expect(roundsOf(run).map(({ stage }) => stage)).toEqual(["grpo", "grpo", "selfPlay", "environment"]);
  using reader = ReplayReader.open(run);
  const episodes = ofType(
    [...reader.events()].map(({ event }) => event),
    "reasonerEpisode",
  );
  const tools = (stage: string) =>
    new Set(episodes.filter((each) => each.stage === stage).map((each) => each.tools?.functions.length ?? 0));
  expect([tools("grpo"), tools("selfPlay"), tools("environment")]).toEqual(
    [0, 2, 2].map((n) => new Set([n])),
  );
  for (const round of [1, 2, 3]) expect(existsSync(join(run, `round-${round}/reasoner`))).toBe(true);
}, 240_000);

test("where one does not, the next does not begin, until that is allowed", async () => {
  const run = join(folder, "ended");
  const ended = await visplay(...small(run, "stages.1.requires.greedy=100"));
  expect(ended.status, ended.stderr).toBe(16);
  expect(ended.stderr).toMatch(/the stage selfPlay did not come to what it requires/);
  expect(roundsOf(run).map(({ stage }) => stage)).toEqual(["grpo", "grpo", "selfPlay"]);
  expect(existsSync(join(run, "round-3"))).toBe(false);
  const allowed = await visplay("resume", run, "--allow", "--set", "stages.1.requires.greedy=0");
  expect(allowed.status, allowed.stderr).toBe(0);
  expect(roundsOf(run).at(-1)?.stage).toBe("environment");
}, 240_000);
