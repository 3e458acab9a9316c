/**
 * `npm run test:kill`: small runs are killed at random moments, in the middle of steps, saves and appends, and resumed
 * each time; they have to end with the weights and the episodes of a run that nobody disturbed. VISPLAY_KILLS is how
 * often in each layout.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RandomStream } from "../../common/random.ts";
import type { RunEvent } from "../../replay/events.ts";
import { ReplayReader } from "../../replay/reader.ts";
import { program } from "../built.ts";
import { smallEvaluation } from "../cli/small_run.ts";
import { writeOpposites } from "../fakes/labelled.ts";
import { withoutTimes } from "../fakes/play.ts";
import { writeTwoTurns } from "../fakes/two_turns.ts";

const rounds = 2;
const settings = [
  `rounds=${rounds}`,
  "checkpoint.everySteps=2",
  "questioner.stepsPerRound=4",
  "questioner.imagesPerStep=4",
  "questioner.answersPerQuestion=3",
  "curriculum.images=24",
  "curriculum.imagesPerChunk=8",
  "curriculum.answersPerQuestion=3",
  "curriculum.views=3",
  "reasoner.stepsPerRound=10",
  "reasoner.itemsPerStep=8",
  ...smallEvaluation,
];
const labelled = "{data: labelled, itemsPerStep: 8, steps: 5";
const stages = [
  `${labelled}, kind: sft, heldOutEvery: 2}`,
  `${labelled}, kind: grpo, samplingCalls: 2}`,
  "{kind: environment, environment: ./two_turns.ts, steps: 5, itemsPerStep: 6, groupSize: 4, maxTurns: 2}",
  "{kind: self_play}",
];
const kills = Number(process.env.VISPLAY_KILLS ?? 5);
const model = fileURLToPath(new URL("../../models/tiny", import.meta.url));

/** How the policies lie on the machine, and what of them is trained in which stages. */
const layouts: readonly {
  readonly name: string;
  readonly own: readonly string[];
  readonly rounds?: number;
}[] = [
  { name: "replicas of one thread", own: [] },
  { name: "a replica with two threads", own: ["replicas=1", "threads=2"] },
  {
    name: "adapters on a model folder, a replica with two threads",
    own: [`model=${model}`, "adapter.rank=4", "replicas=1", "threads=2", "reasoner.learningRate=1e-3"],
  },
  {
    name: "stages sft, grpo, an environment of two turns and self-play",
    own: ["rounds=1", ...stages.map((stage, i) => `stages.${i}=${stage}`)],
    rounds: 4,
  },
];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "visplay-kill-"));
  await writeOpposites(join(folder, "labelled"), 40, 3);
  await writeTwoTurns(folder);
});
afterAll(() => rm(folder, { recursive: true }));

function trainArguments(out: string, own: readonly string[]): string[] {
  return ["train", "--out", join(folder, out), ...[...settings, ...own].flatMap((each) => ["--set", each])];
}

/** Plays a run that nobody disturbs; returns how long it took. */
async function playWhole(out: string, own: readonly string[]): Promise<number> {
  const startedMs = Date.now();
  await promisify(execFile)(process.execPath, [program, ...trainArguments(out, own)], { cwd: folder });
  return Date.now() - startedMs;
}

function start(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [program, ...args], { stdio: "ignore", cwd: folder });
}

/** Of the weights in the last round's models and in the last checkpoint, with the optimisers. */
async function hashesOf(run: string, last = rounds): Promise<Record<string, string>> {
  const checkpoints = (await readdir(join(folder, run, "checkpoints")))
    .filter((name) => /^\d/.test(name))
    .sort();
  const places = { models: `round-${last}`, state: join("checkpoints", checkpoints.at(-1) as string) };
  const hashes: Record<string, string> = {};
  for (const [place, path] of Object.entries(places))
    for (const file of await readdir(join(folder, run, path), { recursive: true })) {
      if (!file.endsWith(".safetensors")) continue;
      const bytes = await readFile(join(folder, run, path, file));
      hashes[`${place}/${file}`] = createHash("sha256").update(bytes).digest("hex");
    }
  expect(Object.keys(hashes).length).toBeGreaterThanOrEqual(6);
  return hashes;
}

/** What survives of a run's records, without what only an interrupted run has. */
async function storyOf(run: string): Promise<unknown[]> {
  using reader = ReplayReader.open(join(folder, run));
  const own = new Set<RunEvent["type"]>(["runStarted", "checkpointSaved", "runResumed", "runStopped"]);
  const events: unknown[] = [];
  for (const { event } of reader.events()) if (!own.has(event.type)) events.push(withoutTimes(event));
  return events;
}

/** Plays a run to its end under SIGKILL, at most `most` times; returns how often that was. */
async function playUnderKills(
  run: string,
  own: readonly string[],
  most: number,
  wholeMs: number,
  stream: RandomStream,
): Promise<number> {
  let child = start(trainArguments(run, own));
  for (let killed = 0; ; killed++) {
    // From right after the start on, so that some kills strike while a checkpoint or a step is written.
    const mercy = sleep(killed < most ? 300 + stream.uniform() * wholeMs * 0.4 : 600_000);
    if (await Promise.race([once(child, "exit"), mercy])) {
      expect(child.exitCode).toBe(0);
      return killed;
    }
    child.kill("SIGKILL");
    await once(child, "exit");
    const begun = existsSync(join(folder, run, "config.yaml"));
    if (!begun) await rm(join(folder, run), { recursive: true, force: true });
    child = start(begun ? ["resume", join(folder, run)] : trainArguments(run, own));
  }
}

describe.each(layouts)("$name", ({ name, own, rounds: last = rounds }) => {
  const whole = `whole, ${name}`;
  let wholeMs: number;
  beforeAll(async () => {
    wholeMs = await playWhole(whole, own);
  }, 240_000);

  test(
    `runs killed ${kills} times end as one that was not`,
    async () => {
      const stream = new RandomStream(Date.now());
      let killed = 0;
      let runs = 0;
      for (; killed < kills; runs++) {
        const run = `killed-${runs}, ${name}`;
        killed += await playUnderKills(run, own, kills - killed, wholeMs, stream);
        expect(await hashesOf(run, last)).toEqual(await hashesOf(whole, last));
        expect(await storyOf(run)).toEqual(await storyOf(whole));
        await rm(join(folder, run), { recursive: true });
      }
      const seconds = (wholeMs / 1000).toFixed(1);
      console.log(
        `${name}: ${killed} kills and resumes in ${runs} runs, identical bits; an undisturbed run takes ${seconds} s`,
      );
    },
    900_000 + 120_000 * kills,
  );
});

/** Waits until a process has the run, and so answers signals, or has ended. */
async function atWork(child: ChildProcess, run: string): Promise<void> {
  const lock = () => readFile(join(folder, run, "lock.json"), "utf8").catch(() => "");
  while (child.exitCode === null && !(await lock()).includes(`${child.pid}`)) await sleep(100);
}

test("SIGTERM saves within ten seconds, and the run goes on from there", async () => {
  const own = layouts[1]?.own ?? [];
  const wholeMs = await playWhole("whole", own);
  const stream = new RandomStream(Date.now());
  let stops = 0;
  let longestMs = wholeMs / 2;
  let child = start(trainArguments("stopped", own));
  for (;;) {
    const exited = once(child, "exit");
    await atWork(child, "stopped");
    await Promise.race([exited, sleep(stream.uniform() * longestMs)]);
    if (child.exitCode === null) {
      const startedMs = Date.now();
      child.kill("SIGTERM");
      await exited;
      expect(Date.now() - startedMs).toBeLessThan(10_000);
    }
    if (child.exitCode !== 0) {
      expect(child.exitCode).toBe(130);
      stops++;
      child = start(["resume", join(folder, "stopped")]);
    } else if (stops > 0) break;
    else {
      // The machine has become faster since the whole run was timed.
      longestMs /= 2;
      await rm(join(folder, "stopped"), { recursive: true });
      child = start(trainArguments("stopped", own));
    }
  }
  console.log(`${stops} stops`);
  expect(stops).toBeGreaterThan(0);
  expect(child.exitCode).toBe(0);
  expect(await hashesOf("stopped")).toEqual(await hashesOf("whole"));
  expect(await storyOf("stopped")).toEqual(await storyOf("whole"));
}, 900_000);
