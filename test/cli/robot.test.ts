import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { RunSettingsSchema } from "../../arena/config/config.ts";
import { exitCodes } from "../../common/errors.ts";
import { ReplayReader } from "../../replay/reader.ts";
import { ofType } from "../fakes/play.ts";
import { visplay } from "./visplay.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "visplay-robot-"));
});
afterAll(() => rm(folder, { recursive: true }));

test("the example goes from the target's simulation to the world that stands for the real one, and says the gap", async () => {
  const example = parse(await readFile("docs/robot.yaml", "utf8"));
  const worlds = RunSettingsSchema.parse(example).stages.map((stage) =>
    stage.kind === "environment" ? stage.environment.options.world : null,
  );
  expect(worlds).toEqual(["simulation", "simulation", "target", "real"]);
  // The last two of its stages, small; what widens in those before is played in test/arena/widening.test.ts.
  const config = join(folder, "last.yaml");
  await writeFile(config, stringify({ ...example, stages: example.stages.slice(2) }));
  const small = ["steps=1", "itemsPerStep=2", "groupSize=2", "maxTokens=8"];
  const gates = ["safety.gate={every: 1, tasks: 4}"];
  const settings = [0, 1].flatMap((stage) => [...small, ...gates].map((each) => `stages.${stage}.${each}`));
  const run = join(folder, "run");
  const { status, stderr } = await visplay(
    ...["train", "--config", config, "--out", run],
    ...settings.flatMap((setting) => ["--set", setting]),
  );
  // Who was shown no plan may find none, so that there was nothing to learn.
  expect([0, exitCodes.taughtNothing], stderr).toContain(status);
  using reader = ReplayReader.open(run);
  const events = [...reader.events()].map(({ event }) => event);
  const [first, second] = ofType(events, "safetyChecked").filter(({ looked }) => looked === 0);
  expect([first?.stage, first?.before]).toEqual(["environment", undefined]);
  expect([second?.stage, second?.before?.stage]).toEqual(["environment2", "environment"]);
  expect(stderr).toMatch(
    /suite: success \d+\.\d% \(.*\) before the first step \([+-]?\d+\.\d points to \d+\.\d% \(.*\) in the environment of environment\)/,
  );
  const { rollouts = [] } = ofType(events, "reasonerEpisode").at(-1) ?? {};
  expect(rollouts.length).toBe(2);
}, 240_000);

test.each([
  ["{name: robot, options: {world: reality}}", /options.world.*expected one of simulation, target, real/],
  [
    "{name: robot, options: {ranges: {lights: [0, 1]}}}",
    /unknown key lights in stages.0.environment.options.ranges \(.*wrong.yaml:1\)\n/,
  ],
  ["{name: gymnasium}", /options.id.*expected an environment of Gymnasium, such as highway-v0 or MODULE:ID/],
  [
    "{name: gymnasium, options: {id: highway-v0, python: /nowhere/python}}",
    /stages.0.environment.options.python: found no program "\/nowhere\/python" .*python3 -m pip install gymnasium/,
  ],
])("a simulator that cannot be is refused before anything is played: %s", async (environment, message) => {
  const config = join(folder, "wrong.yaml");
  await writeFile(config, `stages: [{kind: environment, environment: ${environment}}]`);
  const { status, stderr } = await visplay("train", "--config", config, "--out", join(folder, "never"));
  expect(status).toBe(3);
  expect(stderr).toMatch(message);
});
