import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runProgram } from "../built.ts";
import { smallEvaluation, smallRun } from "./small_run.ts";

/** What the embedded model has by default, which a model of one's own need not be content with. */
const short = ["questioner.maxTokens=32", "reasoner.maxTokens=32"];
const set = (settings: readonly string[]) => settings.flatMap((setting) => ["--set", setting]);
const visplay = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await runProgram(args);
  expect(code, stderr).toBe(0);
  return stdout;
};

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "visplay-adapter-run-"));
});
afterAll(() => rm(folder, { recursive: true }));

test("a run trains adapters, which are models for eval and for another run, and merge into one", async () => {
  const out = join(folder, "run");
  await visplay("train", "--out", out, ...set([...smallRun, ...smallEvaluation, "adapter.rank=4"]));
  const reasoner = join(out, "round-1", "reasoner");
  expect((await readdir(reasoner)).sort()).toEqual(["adapter_config.json", "adapter_model.safetensors"]);

  const merged = join(folder, "merged");
  await visplay("export-model", reasoner, "--out", merged, "--dtype", "float32");
  // An adapter trains no image encoder, so that only the merged model has one to be probed.
  const asked = [...smallEvaluation, ...short, "evaluation.encoder.pictures=0"];
  const table = (model: string) => visplay("eval", "--model", model, ...set(asked));
  const own = await table(reasoner);
  expect(await table(merged)).toBe(own);

  await visplay(
    "train",
    "--model",
    reasoner,
    "--out",
    join(folder, "again"),
    ...set([...smallRun, ...smallEvaluation, ...short]),
  );
  expect(await runProgram(["export-model", reasoner, "--out", merged])).toMatchObject({ code: 3 });
}, 300_000);
