import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exportModel } from "../../policy/embedded/export_model.ts";
import { LocalPolicy } from "../../policy/embedded/local_policy.ts";
import type { Prompt } from "../../policy/port.ts";
import { promptAbout } from "../../policy/prompts.ts";
import { readSafetensors } from "../../policy/weights/safetensors.ts";
import { readReference, readReferenceImage, readReferenceTensors, referencePath } from "../reference_dir.ts";
import { expectClose, expectGradients } from "./closeness.ts";

const adapter = referencePath("lora");
const options = {
  threads: 1,
  optimizer: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, maxGradientNorm: null },
  learningRateFactors: { text: 1, connector: 1, vision: 1 },
  microBatchTokens: 4096,
};
const { messages } = readReference("smolvlm-tiny/cases.json").case0;
let expected: Awaited<ReturnType<typeof readReferenceTensors>>;
let prompt: Prompt;
let scratch: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "visplay-lora-"));
  expected = await readReferenceTensors("lora/expected.safetensors");
  prompt = promptAbout(await readReferenceImage("smolvlm-tiny/case0.png"), messages[0].content[1].text);
});
afterAll(() => rm(scratch, { recursive: true }));

const completion = () => Int32Array.from(expected.get("completion_ids")?.data as BigInt64Array, Number);
const logProbs = () => expected.get("completion_logprobs")?.data as Float32Array;

async function score(folder: string): Promise<Float32Array | undefined> {
  await using policy = await LocalPolicy.open(folder, options);
  const groups = [{ prompt, completions: [{ tokens: completion() }] }];
  return (await policy.score(groups, { weights: "policy", temperature: 1 }))[0]?.[0];
}

test("an adapter of PEFT scores as PEFT does", async () => {
  expectClose(await score(adapter), logProbs(), 1e-4);
});

test("its gradients are PEFT's", async () => {
  await using policy = await LocalPolicy.open(adapter, options);
  const work = policy.imitation([{ prompt, completion: completion() }]);
  await policy.accumulate(work, async () => {});
  const gradients = new Float32Array(policy.learner.weights.length);
  const loss = policy.learner.take(gradients);
  expectClose(Float32Array.of(loss), expected.get("loss_ce")?.data as Float32Array, 1e-5);
  const named = policy.weights.layout.views(gradients);
  const outputs = Object.entries(named).map(([name, data]) => [`d:base_model.model.${name}`, data]);
  await expectGradients(Object.fromEntries(outputs), "lora/grads_ce.safetensors");
});

test("saved again it is the same adapter, and merged the same model", async () => {
  const saved = join(scratch, "saved");
  const merged = join(scratch, "merged");
  await using policy = await LocalPolicy.open(adapter, options);
  await policy.save(saved);
  const own = await readSafetensors(join(saved, "adapter_model.safetensors"));
  const theirs = await readReferenceTensors("lora/adapter_model.safetensors");
  expect([...own.keys()].sort()).toEqual([...theirs.keys()].sort());
  for (const [name, { shape, data }] of theirs) expect(own.get(name)).toMatchObject({ shape, data });
  const config = JSON.parse(await readFile(join(saved, "adapter_config.json"), "utf8"));
  const wanted = readReference("lora/adapter_config.json");
  for (const key of ["peft_type", "task_type", "r", "lora_alpha", "bias", "use_rslora", "use_dora"])
    expect(config[key], key).toEqual(wanted[key]);

  await exportModel(saved, merged, { dtype: "F32", shardBytes: 2 ** 18 });
  expectClose(await score(merged), logProbs(), 1e-4);
});
