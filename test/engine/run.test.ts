/** Whole runs of the command over HTTP, against a double of the embedded model. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exitCodes } from "../../common/errors.ts";
import { RandomStream } from "../../common/random.ts";
import { ReplayReader } from "../../replay/reader.ts";
import { type Outcome, program, spawnProgram } from "../built.ts";
import { smallRun } from "../cli/small_run.ts";
import { withoutTimes } from "../fakes/play.ts";
import { EngineDouble } from "./double.ts";

const settings = [
  ...smallRun,
  "evaluation.questions=0",
  "trial.images=0",
  "warmUp.steps=0",
  "checkpoint.everySteps=1",
  "questioner.beta=0.01",
  "reasoner.beta=0.01",
  "model.name=tiny",
];
const key = "a-key-that-nobody-may-read";
const embedded = fileURLToPath(new URL("../../models/tiny", import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "visplay-engine-run-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** As a run of the usual settings steps. */
const optimizer = { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.01, maxGradientNorm: 1 };

function startEmbedded(): Promise<EngineDouble> {
  const learningRateFactors = { text: 1, connector: 1, vision: 1 };
  const policy = { threads: 1, optimizer, learningRateFactors, microBatchTokens: null };
  return EngineDouble.start({ folder: embedded, baseModel: "tiny", policy, key });
}

const env = { ...process.env, TINKER_API_KEY: key };

function trainArguments(out: string, own: readonly string[], args: readonly string[] = []): string[] {
  const set = [...settings, ...own].flatMap((each) => ["--set", each]);
  return ["train", "--out", join(folder, out), ...set, ...args];
}

function train(out: string, own: readonly string[], args: readonly string[] = []): Promise<Outcome> {
  return spawnProgram(trainArguments(out, own, args), { env });
}

/** Starts a command, and waits until an engine was asked to save so many times from then on, or it has ended. */
async function startUntilSaved(
  double: EngineDouble,
  args: readonly string[],
  saves: number,
): Promise<ChildProcess> {
  const before = savesOf(double);
  const child = spawn(process.execPath, [program, ...args], { env, stdio: "ignore" });
  while (child.exitCode === null && savesOf(double) - before < saves) await sleep(5);
  return child;
}

function savesOf({ asked }: EngineDouble): number {
  return asked.filter((path) => path === "save_weights").length;
}

/** What a run recorded, without what only its machine or its interruptions say. */
function storyOf(run: string): unknown[] {
  using reader = ReplayReader.open(join(folder, run));
  const own = new Set(["runStarted", "checkpointSaved", "runResumed", "runStopped", "runFailed"]);
  return [...reader.events()].flatMap(({ event }) => (own.has(event.type) ? [] : [withoutTimes(event)]));
}

/** Where two values differ by more than sums in another order do. */
function differences(a: unknown, b: unknown, path = ""): string[] {
  if (typeof a === "number" && typeof b === "number")
    return Math.abs(a - b) <= 1e-3 + 0.02 * Math.abs(b) ? [] : [`${path}: ${a}, ${b}`];
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null)
    return a === b ? [] : [`${path}: ${a}, ${b}`];
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  const at = (value: object, name: string): unknown => (value as Record<string, unknown>)[name];
  return names.flatMap((name) => differences(at(a, name), at(b, name), `${path}.${name}`));
}

describe("a run on an engine", () => {
  let double: EngineDouble;
  beforeAll(async () => {
    double = await startEmbedded();
    expect((await train("local", ["replicas=1", "adapter.rank=0"])).stderr).toContain("run ");
  });
  afterAll(() => double[Symbol.asyncDispose]());

  test("is the local one", async () => {
    const { code, stderr } = await train("remote", [], ["--engine", double.url]);
    expect(stderr).not.toContain(key);
    expect(code, stderr).toBe(0);
    expect(differences(storyOf("remote"), storyOf("local"))).toEqual([]);
  });

  test("says its key nowhere", async () => {
    const names = await readdir(join(folder, "remote"), { recursive: true, withFileTypes: true });
    for (const entry of names.filter((each) => each.isFile())) {
      const bytes = await readFile(join(entry.parentPath, entry.name));
      expect(bytes.includes(key), entry.name).toBe(false);
    }
  });

  test("keeps no more states on the server than it has checkpoints", async () => {
    const kept = (await readdir(join(folder, "remote", "checkpoints"))).filter((name) => /^\d/.test(name));
    const states = double.saved.filter((path) => path.includes("state"));
    expect(states.length).toBeLessThanOrEqual(2 * kept.length);
    expect(double.deleted.length).toBeGreaterThan(0);
  });

  test("killed and resumed loses no episode and repeats none", async () => {
    const stream = new RandomStream(Date.now());
    let args = trainArguments("killed", [], ["--engine", double.url]);
    for (let kills = 0; kills < 2; kills++) {
      // The check of a beginning saves once; so the kill strikes in the steps behind that.
      const child = await startUntilSaved(double, args, 2 + stream.integer(3));
      await sleep(stream.uniform() * 1000);
      child.kill("SIGKILL");
      if (child.exitCode === null) await once(child, "exit");
      args = ["resume", join(folder, "killed")];
    }
    const { code, stderr } = await spawnProgram(args, { env });
    expect(code, stderr).toBe(0);
    expect(differences(storyOf("killed"), storyOf("local"))).toEqual([]);
  });

  test("whose engine loses the model ends with what to do, and goes on", async () => {
    const args = trainArguments("lost", [], ["--engine", double.url]);
    const child = await startUntilSaved(double, args, 4);
    await double.restart("saved");
    if (child.exitCode === null) await once(child, "exit");
    expect(child.exitCode).toBe(exitCodes.engine);
    const { code, stderr } = await spawnProgram(["resume", join(folder, "lost")], { env });
    expect(code, stderr).toBe(0);
    expect(differences(storyOf("lost"), storyOf("local"))).toEqual([]);
  });
});
