import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { exitCodes } from "../../common/errors.ts";
import { Database } from "../../replay/sqlite.ts";
import { program, runProgram } from "../built.ts";

/** A run of small steps without an end to wait for. */
const endless = [
  ...["threads=1", "questioner.stepsPerRound=1000", "questioner.imagesPerStep=2", "evaluation.questions=0"],
  ...["questioner.answersPerQuestion=2"],
].flatMap((setting) => ["--set", setting]);

let folder: string;
let server: Server;
const posted: string[] = [];
const children: ChildProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "visplay-watch-"));
  server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    posted.push(JSON.parse(body).event);
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  server.close();
  await rm(folder, { recursive: true, force: true });
});

function train(out: string, ...rest: string[]) {
  const child = spawn(process.execPath, [program, "train", "--out", out, ...endless, ...rest]);
  children.push(child);
  let said = "";
  child.stderr.on("data", (chunk) => {
    said += chunk;
  });
  const exited = new Promise<number | null>((resolve) => child.on("exit", (code) => resolve(code)));
  return { child, said: () => said, exited };
}

/** The files of a folder that hold a text. */
async function filesWith(folder: string, text: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const contents = await Promise.all(files.map((file) => readFile(file)));
  return files.filter((_, i) => contents[i]?.includes(text));
}

async function status(out: string) {
  const { stdout } = await runProgram(["status", out, "--json"]);
  return JSON.parse(stdout);
}

const patient = { timeout: 60_000, interval: 200 };

describe("a run that is watched", () => {
  test("is seen by status, metrics and webhook while it goes on, and after it was stopped", async () => {
    const out = join(folder, "stopped");
    const webhook = `http://127.0.0.1:${(server.address() as AddressInfo).port}/services/s3cr3t`;
    const { child, said, exited } = train(out, "--metrics-port", "0", "--set", `watch.webhook=${webhook}`);
    await vi.waitFor(async () => {
      const beat = JSON.parse(await readFile(join(out, "status.json"), "utf8"));
      expect(beat.standing?.step).toBeGreaterThan(0);
    }, patient);
    expect(await status(out)).toMatchObject({
      condition: "running",
      pid: child.pid,
      attempt: 1,
      standing: { round: 1, phase: "questioner", steps: 1000 },
      rewards: { questioner: expect.any(Number), reasoner: null },
    });
    const url = /metrics at (http:\S+)/.exec(said())?.[1] as string;
    expect(await (await fetch(url)).text()).toMatch(/visplay_steps_total\{phase="questioner"\} [1-9]/);
    expect(posted).toEqual(["start"]);

    child.kill("SIGINT");
    expect(await exited).toBe(exitCodes.cancelled);
    expect(await status(out)).toMatchObject({
      condition: "stopped",
      failure: { code: "cancelled", message: "interrupted" },
    });
    expect(said()).toMatch(
      /stopping; once more to stop at once\nround 1\/3 · questioner · step \d+\/1000[^\n]*\n$/,
    );
    expect(posted).toEqual(["start", "stop"]);
    expect(await readdir(join(out, "tensorboard"))).toHaveLength(1);
    expect(said()).not.toContain("\u001b");
    expect(await filesWith(out, "s3cr3t")).toEqual([]);
    expect(said()).not.toContain("s3cr3t");
    expect(await readFile(join(out, "config.yaml"), "utf8")).toContain("webhook: env #");
  });

  test("goes on where nobody reads what it says, and is stopped by a terminal that closes", async () => {
    const out = join(folder, "hung-up");
    const { child, exited } = train(out);
    child.stderr.destroy();
    child.stdout.destroy();
    await vi.waitFor(async () => {
      const beat = JSON.parse(await readFile(join(out, "status.json"), "utf8"));
      expect(beat.standing?.step).toBeGreaterThan(2);
    }, patient);
    child.kill("SIGHUP");
    expect(await exited).toBe(exitCodes.cancelled);
    expect(await status(out)).toMatchObject({ condition: "stopped", lastSave: { round: 1 } });
  });

  test("is stopped by one signal where another program has locked its replay", async () => {
    const out = join(folder, "locked");
    const { child, said, exited } = train(out);
    await vi.waitFor(async () => {
      const beat = JSON.parse(await readFile(join(out, "status.json"), "utf8"));
      expect(beat.standing?.step).toBeGreaterThan(0);
    }, patient);
    using other = Database.forWriting(join(out, "replay.db"));
    other.exec("BEGIN IMMEDIATE");
    await vi.waitFor(() => expect(said()).toContain("has locked the replay"), patient);
    child.kill("SIGTERM");
    expect(await exited).toBe(exitCodes.cancelled);
    expect(said()).toContain("what is not recorded yet is done again when the run goes on");
    expect(await status(out)).toMatchObject({ condition: "stopped", failure: { code: "cancelled" } });
  });

  test("that was killed is known to have died once it has been silent", async () => {
    const out = join(folder, "killed");
    const { child, exited } = train(out, "--set", "watch.tensorboard=false");
    const beats = join(out, "status.json");
    await vi.waitFor(() => expect(existsSync(beats)).toBe(true), patient);
    child.kill("SIGKILL");
    await exited;
    const beat = JSON.parse(await readFile(beats, "utf8"));
    expect(beat.state).toBe("running");
    await writeFile(beats, JSON.stringify({ ...beat, beatAtMs: beat.beatAtMs - 60_000 }));
    expect(await status(out)).toMatchObject({ condition: "died", state: "running" });
    expect(existsSync(join(out, "tensorboard"))).toBe(false);
  });

  test("goes on without metrics where their port is in use", async () => {
    const out = join(folder, "unmeasured");
    const { port } = server.address() as AddressInfo;
    const { child, said, exited } = train(out, "--metrics-port", String(port));
    await vi.waitFor(() => expect(said()).toContain(`run ${out}`), patient);
    expect(said()).toContain(`watch.metricsPort: found ${port} on 127.0.0.1, which is in use`);
    child.kill("SIGTERM");
    expect(await exited).toBe(exitCodes.cancelled);
  });
});

test("a plan of the embedded model is printed in the end, and nothing is written", async () => {
  const out = join(folder, "planned");
  const small = [
    ...["threads=1", "rounds=2", "questioner.imagesPerStep=2", "questioner.answersPerQuestion=2"],
    ...["curriculum.imagesPerChunk=2", "reasoner.itemsPerStep=2", "evaluation.questionsPerChunk=7"],
  ].flatMap((setting) => ["--set", setting]);
  const { stdout } = await runProgram(["plan", "--json", "--out", out, ...small]);
  const plan = JSON.parse(stdout);
  expect(plan.stages).toHaveLength(1);
  const [stage] = plan.stages;
  expect(plan.config.rounds).toBe(2);
  expect(stage.schedule).toHaveLength(1 + 2 * 4);
  expect(stage.unknown).toEqual([]);
  for (const phase of ["questioner", "curriculum", "reasoner", "evaluation"]) {
    expect(stage.phases[phase].totalMs).toBeGreaterThan(0);
    expect(stage.phases[phase].replayBytes).toBeGreaterThan(0);
  }
  expect(stage.probe.scale).toBe(1);
  // Four models of 964,864 numbers in 32 bits, and their small files.
  expect(plan.modelBytes).toBeGreaterThan(4 * 4 * 964_864);
  expect(plan.modelBytes).toBeLessThan(4 * 4.1 * 964_864);
  expect(stage.residentBytes.peak).toBeGreaterThan(1e8);
  expect(existsSync(out)).toBe(false);
});
