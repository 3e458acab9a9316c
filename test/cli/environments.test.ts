import { appendFile, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openEnvironments } from "../../cli/environments.ts";
import { SceneSource } from "../../images/scenes/source.ts";
import { defaultReasonerTemplates } from "../../reasoner/prompt.ts";
import type { ReasonerEpisode, ReasonerStep, RunEvent } from "../../replay/events.ts";
import { ReplayReader } from "../../replay/reader.ts";
import { configOf } from "../fakes/config.ts";
import { ofType } from "../fakes/play.ts";
import { writeTwoTurns } from "../fakes/two_turns.ts";
import { visplay } from "./visplay.ts";

const templates = { questioner: "ask", ...defaultReasonerTemplates };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "visplay-environments-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** Plays a run of one stage in an environment. */
function train(run: string, stage: string, ...settings: readonly string[]) {
  const all = ["evaluation.questions=0", `stages.0={kind: environment, ${stage}}`, ...settings];
  return visplay("train", "--out", join(folder, run), ...all.flatMap((each) => ["--set", each]));
}

function recorded(run: string): {
  readonly events: RunEvent[];
  readonly steps: ReasonerStep[];
  readonly episodes: ReasonerEpisode[];
} {
  using reader = ReplayReader.open(join(folder, run));
  const events = [...reader.events()].map(({ event }) => event);
  return { events, steps: ofType(events, "reasonerStep"), episodes: ofType(events, "reasonerEpisode") };
}

describe("a user's own environment", () => {
  test("of two turns is learnt, each turn for what it earns", async () => {
    const path = await writeTwoTurns(folder);
    const stage = `environment: ${path}, steps: 12, itemsPerStep: 8, groupSize: 8, maxTurns: 4`;
    const { status, stderr } = await train("learns", `${stage}, learningRate: 1.0e-3, beta: 0`);
    expect(status, stderr).toBe(0);
    const { steps, episodes } = recorded("learns");
    expect(steps.length).toBe(12);
    expect(steps[0]?.meanReward).toBeLessThan(1);
    expect(steps.at(-1)?.meanReward).toBeGreaterThan(1.5);
    expect(steps.at(-1)?.parts.first).toBeGreaterThan((steps[0]?.parts.first ?? 1) + 0.5);
    expect(steps.every(({ trajectories }) => trajectories?.meanTurns === 2)).toBe(true);
    const observed = episodes.flatMap(({ rollouts }) =>
      rollouts.flatMap(({ trajectory }) => trajectory?.observations.flatMap(({ turns }) => turns) ?? []),
    );
    expect(observed.length).toBe(12 * 8 * 8);
    const images = new Set(
      (await readdir(join(folder, "learns", "images"))).map((name) => name.replace(".png", "")),
    );
    for (const { role, parts } of observed) {
      expect([role, parts[1]]).toEqual(["tool", "is there a blue square ?"]);
      expect(images).toContain((parts[0] as { image: string }).image);
    }
    expect((await visplay("replay", "check", join(folder, "learns"))).stdout).toMatch(/images: all whole/);
  }, 300_000);

  test("that fails now and then does not stop the run", async () => {
    const also = 'if (task % 4 === 1 && turn === 1) throw new Error("lost");';
    const path = await writeTwoTurns(folder, also);
    const stage = `environment: {name: ${path}, options: {tasks: 8}}, steps: 2, itemsPerStep: 8, groupSize: 2, maxTurns: 2`;
    const { status, stderr } = await train("faults", stage, "checkpoint.everySteps=1");
    expect(status, stderr).toBe(0);
    const { steps, episodes } = recorded("faults");
    expect(steps.map(({ trajectories }) => trajectories?.faults)).toEqual([{ threw: 4 }, { threw: 4 }]);
    for (const { image, rollouts } of episodes)
      for (const { reward, trajectory } of rollouts)
        expect([reward === null, trajectory?.fault?.reason ?? null]).toEqual(
          image.index % 4 === 1 ? [true, "lost"] : [false, null],
        );
  }, 120_000);

  test("is pinned by what its module says", async () => {
    const path = await writeTwoTurns(folder);
    const pinOf = async () => {
      const config = configOf({ stages: [{ kind: "environment", environment: path }] });
      const opening = { signal: new AbortController().signal, say: () => {}, show: () => {} };
      const materials = { images: new SceneSource(config.images.scenes), templates, labelled: [] };
      await using opened = await openEnvironments(config, materials, opening);
      return opened.inputs;
    };
    const first = await pinOf();
    expect(Object.keys(first)).toEqual(["stages.0.environment"]);
    expect(await pinOf()).toEqual(first);
    await appendFile(path, "// another one\n");
    expect(await pinOf()).not.toEqual(first);
  });
});

test("a stage that is too early for what it trains ends the run with the code of what a stage requires", async () => {
  const tools = "tools: {use: [zoom], section: ''}, maxTurns: 2, reward: agent";
  const stage = `environment: scenes, ${tools}, rows: 8, steps: 1, itemsPerStep: 4, groupSize: 2`;
  const floors = "floors: {tasks: 20, understanding: 100, toolUse: 0}";
  const { status, stderr } = await train("early", `${stage}, ${floors}`);
  expect(status, stderr).toBe(16);
  expect(stderr).toMatch(
    /20 held-out tasks: understanding \d+\.\d% \(\d+\.\d to \d+\.\d\), tool use \d+\.\d% .*, success \d+\.\d%/,
  );
  expect(stderr).toMatch(
    /understanding: found \d+\.\d% .*expected at least 100% \(stages.0.floors.understanding\)/,
  );
  const resumed = await visplay(
    "resume",
    join(folder, "early"),
    "--allow",
    "--set",
    "stages.0.floors.understanding=1",
  );
  expect(resumed.status, resumed.stderr).toBe(0);
  const { events, steps } = recorded("early");
  expect(ofType(events, "skillsMeasured").length).toBe(1);
  expect(steps[0]?.parts).toMatchObject({ understanding: expect.any(Number), toolUse: expect.any(Number) });
}, 120_000);

describe("visplay act", () => {
  const act = (...args: readonly string[]) => visplay("act", ...args);

  test("shows how a model does, by the truth, the same for the same seed", async () => {
    const args = ["--environment", "scenes", "--tasks", "60", "--from", "500"];
    const { status, stdout, stderr } = await act(...args, "--json");
    expect(status, stderr).toBe(0);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ environment: "target scenes", tasks: 60, meanTurns: 1, faults: {} });
    // The embedded model knows most, and not all.
    expect(report.success.percent).toBeGreaterThan(70);
    expect(report.success.percent).toBeCloseTo(100 * report.parts.correctness, 9);
    expect(report.understanding.percent).toBeCloseTo(100 * report.parts.understanding, 9);
    expect(report.understanding.low).toBeLessThan(report.understanding.percent);
    expect(report.toolUse).toBe(null);
    expect((await act(...args, "--json")).stdout).toBe(stdout);
    expect((await act(...args)).stdout).toMatch(
      /^60 tasks of target scenes\nsuccess +\d+\.\d% \(\d+\.\d to \d+\.\d\)\nunderstanding +\d+\.\d% \(/,
    );
  }, 60_000);

  test("goes on over several turns, and takes its environment from a configuration", async () => {
    const path = await writeTwoTurns(folder);
    const config = join(folder, "act.yaml");
    const stage = `{kind: environment, environment: ${path}, maxTurns: 3}`;
    await writeFile(config, `stages: [{kind: sft, data: ${path}}, ${stage}]`);
    const refused = await act("--config", config, "--tasks", "9", "--from", "300");
    expect(refused.status).toBe(15);
    await writeFile(config, `stages: [${stage}]`);
    const beyond = await act("--config", config, "--from", "300");
    expect([beyond.status, beyond.stderr]).toEqual([
      3,
      expect.stringContaining("--from 300: found 200 tasks"),
    ]);
    const { status, stdout, stderr } = await act("--config", config, "--tasks", "9", "--json");
    expect(status, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ tasks: 9, meanTurns: 2, meanCalls: 0 });
  }, 60_000);
});

describe("an environment that is there", () => {
  test.each([
    ["scenes", "scenes", 1],
    ["a jigsaw of the run's pictures", "jigsaw", 1],
    ["odd ones out", "{name: odd-one-out, pieces: 3}", 3],
  ])(
    "gives tasks with their labels: %s",
    async (name, environment, pictures) => {
      const { status, stderr } = await train(
        name,
        `environment: ${environment}, rows: 12, steps: 1, itemsPerStep: 6, groupSize: 4, temperature: 2`,
      );
      expect(status, stderr).toBe(0);
      const { episodes, steps } = recorded(name);
      expect(episodes.length).toBe(6);
      const whole = { meanTurns: 1, unfinished: 0, meanCalls: 0, failedCalls: null, faults: {} };
      const failed = episodes.flatMap(({ rollouts }) =>
        rollouts.flatMap(({ trajectory }) => (trajectory?.success === false ? trajectory.failure?.kind : [])),
      );
      // Nothing is called here, so that a wrong answer is all its own, but for what is wrong with its description.
      const kinds = name === "scenes" ? ["description", "answer"] : ["answer"];
      const counts = kinds.map((kind) => [kind, failed.filter((each) => each === kind).length] as const);
      const failures = Object.fromEntries(counts.filter(([, count]) => count > 0));
      expect(steps[0]?.trajectories).toEqual({ ...whole, failures });
      expect(Object.values(failures).reduce((sum, count) => sum + count, 0)).toBe(failed.length);
      for (const { label, turns, image, rollouts } of episodes) {
        expect(label).not.toBe(null);
        expect(image.index).toBeLessThan(12);
        const shown =
          turns?.flatMap(({ parts }) => parts.filter((part) => typeof part !== "string")).length ?? 1;
        expect(shown).toBe(pictures);
        for (const { parts } of rollouts) expect(Object.keys(parts)).toContain("correctness");
      }
    },
    120_000,
  );

  test.each([
    [
      "environment: jigsaw, reward: {weights: {understanding: 0.2}}",
      /stages.0.reward.weights.understanding: found 0.2, but .* cannot judge what is said of a picture; expected 0/,
    ],
    [
      "environment: scenes, reward: agent",
      /stages.0.reward.weights.toolUse: found 0.3 without tools; expected 0, or tools \(stages.0.tools\)/,
    ],
    ["environment: data", /stages.0.environment.data: .*expected labelled questions/],
    ["environment: frame-order", /stages.0.environment.data: .*expected a folder of films/],
    [
      "environment: {name: jigsaw, pieces: 5}",
      /stages.0.environment.pieces .*: found 5, expected a square number/,
    ],
    ["environment: ./nowhere.ts", /stages.0.environment.name: there is no file .*nowhere.ts/],
    ["environment: scene", /stages.0.environment.name: found .*scene, expected a module/],
    ["environment: {name: frame-order, data: .}", /found no video, animated GIF or WebP/],
  ])("is refused before anything is played: %s", async (stage, message) => {
    await writeFile(join(folder, "a.txt"), "no film");
    const { status, stderr } = await visplay(
      ...[
        "train",
        "--out",
        join(folder, "never"),
        "--set",
        `stages.0={kind: environment, ${stage.replace("data: .", `data: ${folder}`)}}`,
      ],
    );
    expect(status).toBeGreaterThan(2);
    expect(stderr).toMatch(message);
  });
});
