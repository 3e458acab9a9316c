import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ReplayReader } from "../../replay/reader.ts";
import { ofType } from "../fakes/play.ts";
import { visplay } from "./visplay.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "visplay-robot-"));
});
afterAll(() => rm(folder, { recursive: true }));

test("the example goes from a broad simulation to the world that stands for the real one, and says the gap", async () => {
  const run = join(folder, "run");
  const each = ["steps=1", "itemsPerStep=4", "groupSize=2"];
  const small = [0, 1, 2, 3].flatMap((stage) => each.map((setting) => `stages.${stage}.${setting}`));
  const gates = [1, 2, 3].flatMap((stage) => [`stages.${stage}.safety.gate={every: 1, tasks: 6}`]);
  const settings = [...small, ...gates, "stages.1.widening.success=0"];
  const { status, stderr } = await visplay(
    ...["train", "--config", "docs/robot.yaml", "--out", run],
    ...settings.flatMap((setting) => ["--set", setting]),
  );
  expect(status, stderr).toBe(0);
  using reader = ReplayReader.open(run);
  const events = [...reader.events()].map(({ event }) => event);
  const names = ["environment2", "environment3", "environment4"];
  const first = ofType(events, "safetyChecked").filter(({ looked }) => looked === 0);
  expect(first.map(({ stage }) => stage)).toEqual(names);
  expect(first.map(({ before }) => before?.stage)).toEqual([undefined, "environment2", "environment3"]);
  for (const { found } of first) expect(found.success.percent).toBeLessThanOrEqual(100);
  expect(stderr).toMatch(
    /suite: success \d+\.\d% \(.*\) before the first step \([+-]?\d+\.\d points to \d+\.\d% \(.*\) in the environment of environment3\)/,
  );
  expect(ofType(events, "tasksWidened")).toMatchObject([{ from: 0.3, share: 0.4 }]);
  expect(stderr).toMatch(/40% of the tasks are open/);
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
