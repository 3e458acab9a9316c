import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { LocalPolicy } from "../../policy/embedded/local_policy.ts";
import { visplay } from "../cli/visplay.ts";
import { openTiny, questions, tinyFolder, tinyOptions } from "../policy/tiny.ts";
import { openRemote, startDouble } from "./engine.ts";

const adapter = { rank: 4, alpha: 32, rankStabilized: false, layers: null, seed: 3 };

test("the adapter that a run's folder names on its engine comes down as PEFT has it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "visplay-engine-export-"));
  await using double = await startDouble({}, { adapter });
  await using remote = await openRemote(double);
  await remote.supervise([{ prompt: questions(1)[0] as never, completion: "two dots" }], {
    learningRate: 1e-2,
  });
  await remote.save(join(folder, "reasoner"));
  await remote.saveState(join(folder, "state"));

  const out = join(folder, "peft");
  const told = await visplay("export-model", join(folder, "reasoner"), "--out", out, "--base", tinyFolder);
  expect(told.status, told.stderr).toBe(0);
  expect(JSON.parse(await readFile(join(out, "adapter_config.json"), "utf8"))).toMatchObject({
    peft_type: "LORA",
    r: 4,
    base_model_name_or_path: tinyFolder,
  });
  await using local = await openTiny({ adapter });
  await local.supervise([{ prompt: questions(1)[0] as never, completion: "two dots" }], {
    learningRate: 1e-2,
  });
  const completions = [{ tokens: Int32Array.of(7, 9, 11) }];
  const asked = questions(2).map((prompt) => ({ prompt, completions }));
  const options = { weights: "policy", temperature: 1 } as const;
  const [here] = (await local.score(asked, options)).flat();
  await using exported = await LocalPolicy.open(out, tinyOptions);
  const [there] = (await exported.score(asked, options)).flat();
  for (const [t, value] of (here as Float32Array).entries()) expect(there?.[t]).toBeCloseTo(value, 3);

  const state = await visplay("export-model", join(folder, "state"), "--out", join(folder, "other"));
  expect(state.stderr).toContain("expected a model of a run");
  await rm(folder, { recursive: true });
});
