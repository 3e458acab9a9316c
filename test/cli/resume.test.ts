import { appendFile, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { differences } from "../../cli/differences.ts";
import { checkpointToFork, RunFolder } from "../../cli/run_folder.ts";
import { RunLock } from "../../cli/run_lock.ts";
import { ReplayReader } from "../../replay/reader.ts";
import { Database } from "../../replay/sqlite.ts";
import { runProgram } from "../built.ts";
import { configOf } from "../fakes/config.ts";
import { smallRun } from "./small_run.ts";

const settings = [
  ...smallRun,
  "checkpoint.everySteps=1",
  "checkpoint.keep=50",
  "evaluation.questions=0",
].flatMap((setting) => ["--set", setting]);

let folder: string;
/** A run that has finished; tests work on copies of it. */
let finished: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "visplay-resume-"));
  finished = join(folder, "finished");
  expect(await say("train", "--out", finished, ...settings)).toMatchObject({ code: 0 });
}, 120_000);
afterAll(() => rm(folder, { recursive: true }));

/** The exit code and all that a command said. */
async function say(...args: string[]): Promise<{ code: number; text: string }> {
  const { code, stdout, stderr } = await runProgram(args);
  return { code, text: stdout + stderr };
}

async function checkpointsOf(run: string): Promise<string[]> {
  const names = await readdir(join(run, "checkpoints"));
  return names.filter((name) => /^\d/.test(name)).sort();
}

/** The finished run as it was some checkpoints ago, as if killed since. */
async function killedEarlier(name: string, checkpointsAgo: number): Promise<string> {
  const run = join(folder, name);
  await cp(finished, run, { recursive: true });
  const ids = await checkpointsOf(run);
  await writeFile(join(run, "checkpoints", "latest"), ids.at(-1 - checkpointsAgo) as string);
  return run;
}

async function weights(run: string): Promise<Buffer> {
  return readFile(join(run, "round-1/reasoner/model.safetensors"));
}

describe("visplay resume", () => {
  test("goes on from the last good checkpoint to the same end, and says which it passed over", async () => {
    const run = await killedEarlier("damaged", 1);
    const id = (await checkpointsOf(run)).at(-2) as string;
    await appendFile(join(run, "checkpoints", id, "state.json"), "x");
    const { code, text } = await say("resume", run);
    expect(text).toContain(`checkpoint ${id} cannot be used, going back one`);
    expect(text).toMatch(/going on at round 1, reasoner, step \d/);
    expect(code).toBe(0);
    expect((await weights(run)).equals(await weights(finished))).toBe(true);
    expect(await readdir(join(run, "checkpoints"))).toContain(`damaged-${id}`);
    const summary = JSON.parse(await readFile(join(run, "summary.json"), "utf8"));
    expect(summary).toMatchObject({ status: "finished", rounds: [{ round: 1 }] });
  });

  test("leaves all checkpoints as they are where none can be used", async () => {
    const run = await killedEarlier("unusable", 0);
    const ids = await checkpointsOf(run);
    for (const id of ids) await writeFile(join(run, "checkpoints", id, "manifest.json"), '{"version": 2}');
    const { code, text } = await say("resume", run);
    expect(code).toBe(9);
    expect(text).toContain(`none of ${ids.length} checkpoints can be used`);
    expect(await checkpointsOf(run)).toEqual(ids);
  });

  test("refuses a run that has nothing left to do", async () => {
    const run = await killedEarlier("over", 0);
    const { code, text } = await say("resume", run);
    expect(code).toBe(9);
    expect(text).toMatch(/has finished its 1 round; for more of them: --set rounds=2 --allow/);
  });

  test("records the end of a run that was killed between its last checkpoint and that", async () => {
    const run = await killedEarlier("endless", 0);
    {
      using database = Database.forWriting(join(run, "replay.db"));
      const last = "SELECT id FROM events WHERE type = 'runFinished'";
      database.exec(
        `DELETE FROM checksums WHERE event IN (${last}); DELETE FROM events WHERE id IN (${last})`,
      );
    }
    const { code, text } = await say("resume", run);
    expect({ code, text }).toEqual({ code: 0, text: expect.stringContaining("going on at round 2") });
    using reader = ReplayReader.open(run);
    expect([...reader.milestones()].at(-1)?.event).toMatchObject({ type: "runFinished", rounds: 1 });
    expect((await say("resume", run)).code).toBe(9);
  });

  test("restores settings that are gone or empty, from a checkpoint or the replay", async () => {
    const run = await killedEarlier("bare", 0);
    await rm(join(run, "config.yaml"));
    const gone = await say("resume", run);
    expect(gone).toMatchObject({
      code: 9,
      text: expect.stringMatching(/config\.yaml is gone.*checkpoint 0/),
    });
    await rm(join(run, "checkpoints"), { recursive: true });
    await writeFile(join(run, "config.yaml"), "");
    const empty = await say("resume", run, "--set", "seed=1");
    expect(empty).toMatchObject({
      code: 3,
      text: expect.stringMatching(/config\.yaml is empty.*the replay of/),
    });
    expect(empty.text).toMatch(/--allow:\n {2}seed: 0 → 1\n$/);
  });

  test("notices settings that were edited before there was a checkpoint", async () => {
    const run = await killedEarlier("early", 0);
    await rm(join(run, "checkpoints"), { recursive: true });
    const path = join(run, "config.yaml");
    const written = await readFile(path, "utf8");
    await writeFile(path, written.replace(/^seed: 0/m, "seed: 8"));
    expect((await say("resume", run)).text).toMatch(
      /played with other settings.*--allow:\n {2}seed: 0 → 8\n$/,
    );
    // Nor is anything played from half a file where nothing was recorded yet.
    for (const suffix of ["", "-wal", "-shm"]) await rm(join(run, `replay.db${suffix}`), { force: true });
    await writeFile(path, written.slice(0, written.indexOf("reasoner:")));
    const { code, text } = await say("resume", run);
    expect(code).toBe(3);
    expect(text).toMatch(/is not as it was written when the run began/);
  });

  test("refuses other settings with the difference, unless they are allowed", async () => {
    const run = await killedEarlier("changed", 1);
    const refused = await say(
      "resume",
      run,
      "--set",
      "reasoner.learningRate=3e-4",
      "--set",
      "checkpoint.keep=4",
    );
    expect(refused.code).toBe(3);
    expect(refused.text).toMatch(/reasoner\.learningRate: 0\.00003 → 0\.0003/);
    expect(refused.text).not.toContain("checkpoint.keep");
    expect(await say("resume", run, "--set", "reasoner.learningRate=3e-4", "--allow")).toMatchObject({
      code: 0,
    });
    expect(await readFile(join(run, "config.yaml"), "utf8")).toMatch(/learningRate: 0\.0003/);
  });

  test("notices settings that were edited by hand after the last checkpoint", async () => {
    const run = await killedEarlier("edited", 1);
    const path = join(run, "config.yaml");
    const edited = (await readFile(path, "utf8"))
      .replace(/^seed: 0/m, "seed: 8")
      .replace("keep: 50", "keep: 60");
    await writeFile(path, edited);
    const refused = await say("resume", run);
    expect(refused.code).toBe(3);
    expect(refused.text).toMatch(/played with other settings.*--allow:\n {2}seed: 0 → 8\n$/);
    expect(await readFile(path, "utf8")).toBe(edited);
    expect(await say("resume", run, "--set", "seed=0")).toMatchObject({ code: 0 });
    expect((await weights(run)).equals(await weights(finished))).toBe(true);
    expect(await readFile(path, "utf8")).toMatch(/^seed: 0/m);

    const allowed = await killedEarlier("allowed", 1);
    await writeFile(join(allowed, "config.yaml"), edited);
    expect(await say("resume", allowed, "--allow")).toMatchObject({ code: 0 });
  });

  test("goes on for more rounds if that is allowed", async () => {
    const run = await killedEarlier("longer", 0);
    expect(await say("resume", run, "--rounds", "2", "--allow")).toMatchObject({ code: 0 });
    expect(await readdir(run)).toContain("round-2");
  });

  test("refuses a folder that is no run", async () => {
    await mkdir(join(folder, "empty"));
    const { code, text } = await say("resume", join(folder, "empty"));
    expect(code).toBe(11);
    expect(text).toContain("is not the folder of a run");
  });

  test("is for one process at a time", async () => {
    const run = await killedEarlier("twice", 2);
    {
      await using _lock = await RunLock.take(run, () => {});
      const { code, text } = await say("resume", run);
      expect(code).toBe(9);
      expect(text).toMatch(new RegExp(`at work in process ${process.pid} on ${hostname()}`));
    }
    expect(await say("resume", run)).toMatchObject({ code: 0 });
  });
});

describe("visplay train --fork-from", () => {
  test("starts a new run at a checkpoint of another, which stays as it is", async () => {
    // Whoever reads an SQLite file leaves the index of its write-ahead log.
    const filesOf = async () =>
      (await readdir(finished, { recursive: true })).filter((name) => !/-(wal|shm)$/.test(name)).sort();
    const before = await filesOf();
    const placeOf = async (leg: string) => {
      const id = (await checkpointsOf(finished)).find((name) => name.includes(`-${leg}-1`));
      return join(finished, "checkpoints", id as string);
    };
    const fork = join(folder, "fork");
    const forked = await say(
      "train",
      "--fork-from",
      await placeOf("reasoner"),
      "--out",
      fork,
      "--set",
      "reasoner.learningRate=0",
    );
    expect(forked).toMatchObject({ code: 0 });
    expect(await filesOf()).toEqual(before);
    expect((await weights(fork)).equals(await weights(finished))).toBe(false);
    const same = join(folder, "same");
    expect(await say("train", "--fork-from", await placeOf("questioner"), "--out", same)).toMatchObject({
      code: 0,
    });
    expect((await weights(same)).equals(await weights(finished))).toBe(true);

    expect(await filesOf()).toEqual(before);
    // As if killed before it saved anything of its own.
    const [copied] = await checkpointsOf(same);
    await writeFile(join(same, "checkpoints", "latest"), copied as string);
    await rm(join(same, "round-1"), { recursive: true });
    expect(await say("resume", same)).toMatchObject({ code: 0 });
    expect((await weights(same)).equals(await weights(finished))).toBe(true);
  });

  test("takes over the curriculum of a checkpoint in the middle of a Reasoner phase", async () => {
    const late = (await checkpointsOf(finished)).filter((name) => name.includes("-reasoner-"))[1];
    const fork = join(folder, "late");
    const from = join(finished, "checkpoints", late as string);
    expect(await say("train", "--fork-from", from, "--out", fork)).toMatchObject({ code: 0 });
    expect((await weights(fork)).equals(await weights(finished))).toBe(true);
  });

  test("knows which questions entered a curriculum before", async () => {
    const say = () => {};
    const origin = await checkpointToFork(finished, say);
    await using heir = await RunFolder.create(join(folder, "heir"), say);
    const opening = { say, signal: new AbortController().signal };
    await using session = await heir.begin(configOf({ rounds: 2 }), origin, opening);
    using database = Database.forReading(join(finished, "replay.db"));
    const sql = "SELECT content, question FROM curriculum c JOIN images i ON i.id = c.image ORDER BY place";
    const entered = database.prepare(sql).all<{ content: string; question: string }>();
    const images = [...new Set(entered.map(({ content }) => content))];
    expect(images.length).toBeGreaterThan(0);
    expect(await session.log.admittedQuestions(images)).toEqual(
      images.map((id) => entered.flatMap(({ content, question }) => (content === id ? question : []))),
    );
  });

  test("refuses a checkpoint that leaves nothing to do", async () => {
    const { code, text } = await say("train", "--fork-from", finished);
    expect(code).toBe(9);
    expect(text).toMatch(/has finished its 1 round; for more of them: --set rounds=2/);
  });

  test("refuses what is no run, and a checkpoint that is not there", async () => {
    expect((await say("train", "--fork-from", "nowhere")).code).toBe(11);
    const { code, text } = await say("train", "--fork-from", join(finished, "checkpoints", "000099-nothing"));
    expect(code).toBe(9);
    expect(text).toContain("000099-nothing");
  });
});

test("visplay train refuses a folder that holds a run", async () => {
  const { code, text } = await say("train", "--out", finished, ...settings);
  expect(code).toBe(9);
  expect(text).toMatch(/already holds a run/);
});

test("settings that no result depends on do not count as different", () => {
  const before = {
    seed: 1,
    out: "a",
    checkpoint: { keep: 2 },
    reasoner: { groupSize: 8, reward: { brevity: 0 } },
  };
  const after = {
    seed: 1,
    out: "b",
    checkpoint: { keep: 3 },
    reasoner: { groupSize: 4, reward: { brevity: 0.1 } },
  };
  expect(differences(before, before)).toEqual([]);
  expect(differences(before, after)).toEqual([
    "reasoner.groupSize: 8 → 4",
    "reasoner.reward.brevity: 0 → 0.1",
  ]);
});
