import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { parse } from "yaml";
import { readSafetensors } from "../../policy/weights/safetensors.ts";
import { ReplayReader } from "../../replay/reader.ts";
import { type Outcome, runProgram } from "../built.ts";
import { RayDouble } from "../hand_off/ray_double.ts";
import { smallRun } from "./small_run.ts";

const settings = [...smallRun, "evaluation.questions=0"];

let folder: string;
/** A run that stands before its Reasoner phase; tests work on copies of it. */
let waiting: string;
let ray: RayDouble;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "visplay-hand-off-"));
  waiting = join(folder, "waiting");
  const set = settings.flatMap((setting) => ["--set", setting]);
  const { code, stderr } = await runProgram(["train", "--out", waiting, "--until-curriculum", ...set]);
  expect(code, stderr).toBe(0);
}, 120_000);
afterAll(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  ray = await RayDouble.start();
});
afterEach(() => ray[Symbol.asyncDispose]());

async function copyOf(name: string): Promise<string> {
  const run = join(folder, name);
  await cp(waiting, run, { recursive: true });
  return run;
}

function handOff(run: string, ...more: readonly string[]): Promise<Outcome> {
  return runProgram(["hand-off", run, "--to", "verl", "--gpus", "1", "--poll-seconds", "0.05", ...more]);
}

/** Leaves a job's weights where it is to leave them: the model that it was given, with one tensor changed. */
async function train(
  out: string,
  change: (values: Float32Array) => void = (values) => values.fill(0.5),
): Promise<string> {
  const result = join(out, "output/global_step_2/actor/huggingface");
  await mkdir(result, { recursive: true });
  for (const name of await readdir(join(out, "model")))
    await copyFile(join(out, "model", name), join(result, name));
  const path = join(result, "model.safetensors");
  const file = await readFile(path);
  const headerBytes = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, 8 + headerBytes).toString());
  const [start, end] = header[changed].data_offsets;
  const values = new Float32Array((end - start) / 4);
  change(values);
  file.set(new Uint8Array(values.buffer), 8 + headerBytes + start);
  await writeFile(path, file);
  return result;
}

const changed = "model.text_model.norm.weight";

test("a phase is played elsewhere, and the run goes on with what it came to", async () => {
  const run = await copyOf("whole");
  const out = join(run, "hand-off/round-1-verl");
  const dry = await handOff(run, "--dry-run", "--with", "trainer.n_training_gpus_per_node=2");
  expect(dry, dry.stderr).toMatchObject({ code: 0 });
  expect(ray.asked).toEqual([]);
  expect(dry.stderr).toMatch(/settings that verl takes otherwise .*\n {2}reasoner\.views: /);
  const config = parse(await readFile(join(out, "config.yaml"), "utf8"));
  expect(config).toMatchObject({
    defaults: ["ppo_trainer", "_self_"],
    data: { train_files: join(out, "curriculum/data/train-00000-of-00001.parquet"), train_batch_size: 4 },
    actor_rollout_ref: { rollout: { n: 8 }, model: { path: join(out, "model") } },
    trainer: { total_training_steps: 2, n_gpus_per_node: 1, n_training_gpus_per_node: 2 },
  });

  ray.course = [
    ["RUNNING", "step 1\n"],
    ["SUCCEEDED", "step 1\nstep 2\n"],
  ];
  ray.faults.push(503);
  ray.onSubmit = async () => void (await train(out));
  const { code, stdout, stderr } = await handOff(run, "--url", ray.url);
  expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringMatching(/step 1\nstep 2\n/) });
  expect(stdout).toMatch(/to go on: .* resume /);
  const [job] = ray.jobs.keys();
  expect(job).toMatch(/^visplay-round-1-verl-[0-9a-f]{12}$/);

  const resumed = await runProgram(["resume", run]);
  expect(resumed, resumed.stderr).toMatchObject({ code: 0 });
  using reader = ReplayReader.open(run);
  const events = [...reader.events()].map(({ event }) => event);
  expect(events.filter(({ type }) => type === "reasonerStep")).toEqual([]);
  expect(events.find(({ type }) => type === "phaseHandedOff")).toMatchObject({
    round: 1,
    phase: "reasoner",
    trainer: "verl",
    job,
    steps: 2,
    unlike: { "reasoner.views": expect.any(String) },
    weights: { "reasoner/model.safetensors": expect.stringMatching(/^[0-9a-f]{64}$/) },
  });
  expect(events.at(-1)).toMatchObject({ type: "runFinished", updates: { reasoner: 2 } });
  const kept = (await readSafetensors(join(run, "round-1/reasoner/model.safetensors"))).get(changed);
  expect(kept?.data.every((value) => value === 0.5)).toBe(true);

  const over = await handOff(run, "--dry-run");
  expect(over).toMatchObject({
    code: 9,
    stderr: expect.stringMatching(/stands at round 2.*--until-curriculum/),
  });
});

test("a job is submitted once, followed again, stopped, and submitted anew where that is asked for", async () => {
  const run = await copyOf("followed");
  ray.course = [["FAILED", "no GPU\n"]];
  const failed = await handOff(run, "--url", ray.url);
  expect(failed).toMatchObject({ code: 9, stderr: expect.stringMatching(/no GPU\n.* failed; .*--again/s) });
  const followed = await handOff(run, "--url", ray.url);
  expect(followed).toMatchObject({ code: 9, stderr: expect.stringContaining("is there already (FAILED)") });
  expect(ray.asked.filter((each) => each === "POST /api/jobs/")).toHaveLength(1);

  ray.course = [["SUCCEEDED", ""]];
  const out = join(run, "hand-off/round-1-verl");
  ray.onSubmit = async () => void (await train(out, (values) => values.fill(Number.NaN)));
  const again = await handOff(run, "--url", ray.url, "--again");
  expect(again).toMatchObject({
    code: 4,
    stderr: expect.stringMatching(/huggingface: holds numbers that are not finite/),
  });
  expect(await readdir(join(run, "checkpoints"))).toHaveLength(
    (await readdir(join(waiting, "checkpoints"))).length,
  );

  const lost = await handOff(run, "--url", ray.url, "--result", join(folder, "nowhere"));
  expect(lost).toMatchObject({ code: 4, stderr: expect.stringContaining("nowhere") });
  const other = await handOff(run, "--out", join(run, "checkpoints"), "--dry-run");
  expect(other).toMatchObject({ code: 9, stderr: expect.stringMatching(/expected a new folder \(--out\)/) });
});
