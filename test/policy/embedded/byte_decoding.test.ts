import { mkdtemp, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { LocalPolicy, type LocalPolicyOptions } from "../../../policy/embedded/local_policy.ts";
import type { SamplingPrecision } from "../../../policy/options.ts";
import type { Completion } from "../../../policy/port.ts";
import { type FloatArray, writeSafetensors } from "../../../policy/weights/safetensors_writer.ts";
import { readModelWeights } from "../../model_weights.ts";
import { expectClose } from "../../parity/closeness.ts";
import {
  copyTiny,
  grpo,
  openTiny,
  questions,
  rolloutGroups,
  sampling,
  tinyFolder,
  tinyOptions,
} from "../tiny.ts";

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "visplay-"));
  vi.stubEnv("VISPLAY_CACHE", join(scratch, "cache"));
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(scratch, { recursive: true });
});

const bytes: SamplingPrecision = { precision: "int8", importanceCap: 3, maxGap: 1 };
const adapter = { rank: 4, alpha: 8, rankStabilized: false, layers: null, seed: 0 };
const prompts = questions(5);

function openBytes(
  settings: Partial<SamplingPrecision> = {},
  options: Partial<LocalPolicyOptions> = {},
  folder = tinyFolder,
): Promise<LocalPolicy> {
  return LocalPolicy.open(folder, { ...tinyOptions, ...options, sampling: { ...bytes, ...settings } });
}

const tokensOf = (sampled: readonly (readonly Completion[])[]) =>
  sampled.map((group) => group.map(({ tokens }) => [...tokens]));
const logProbsOf = (sampled: readonly (readonly Completion[])[]) =>
  Float32Array.from(sampled.flatMap((group) => group.flatMap(({ logProbs }) => [...logProbs])));

describe.each([
  ["trained matrices", {}],
  ["frozen matrices with adapters", { adapter }],
])("%s in eight bits", (_name, options) => {
  test("sample near the policy that learns, and an update measures how near", async () => {
    await using policy = await openBytes({}, options);
    const sampled = await policy.sample(prompts, sampling);
    const groups = prompts.map((prompt, i) => ({ prompt, completions: sampled[i] ?? [] }));
    const now = await policy.score(groups, { weights: "policy", temperature: 1 });
    const differences = logProbsOf(sampled).map(
      (at, i) => (now.flatMap((g) => g.flatMap((x) => [...x]))[i] ?? 0) - at,
    );
    const mean = (f: (d: number) => number): number =>
      differences.reduce((sum, d) => sum + f(d), 0) / differences.length;

    const { gap, sampler } = await policy.update(rolloutGroups(prompts, sampled), grpo);
    expect(gap?.mean).toBeCloseTo(mean(Math.abs), 5);
    expect(gap?.max).toBeCloseTo(Math.max(...differences.map(Math.abs)), 5);
    expect(gap?.kl).toBeCloseTo(
      mean((d) => Math.exp(d) - 1 - d),
      5,
    );
    expect(gap?.mean).toBeGreaterThan(1e-4);
    expect(gap?.mean).toBeLessThan(0.1);
    expect(sampler).toMatchObject({ precision: "int8", floatLayers: [] });
  });

  test("sample after an update what its new weights say", async () => {
    await using policy = await openBytes({}, options);
    const first = await policy.sample(prompts, sampling);
    await policy.update(rolloutGroups(prompts, first), { ...grpo, learningRate: 0.01 });
    const second = await policy.sample(prompts, sampling);
    const { gap } = await policy.update(rolloutGroups(prompts, second), grpo);
    expect(tokensOf(second)).not.toEqual(tokensOf(first));
    expect(gap?.mean).toBeLessThan(0.2);
  });

  test("do not depend on which other prompts are asked", async () => {
    await using policy = await openBytes({}, options);
    const together = await policy.sample(prompts, sampling);
    for (const [firstPrompt, prompt] of prompts.entries()) {
      const alone = await policy.sample([prompt], { ...sampling, firstPrompt });
      expect(tokensOf(alone)).toEqual(tokensOf([together[firstPrompt] ?? []]));
      expectClose(logProbsOf(alone), logProbsOf([together[firstPrompt] ?? []]), 1e-5);
    }
  });

  test("greedy answers are those of float32", async () => {
    await using inBytes = await openBytes({}, options);
    await using inFloats = await openTiny(options);
    const greedy = { ...sampling, temperature: 0 };
    expect(await inBytes.sample(prompts, greedy)).toEqual(await inFloats.sample(prompts, greedy));
  });
});

test("an update counts tokens by truncated importance weights, as one in float32 that is told to", async () => {
  await using inBytes = await openBytes({ importanceCap: 1.01 });
  await using inFloats = await openTiny();
  const groups = rolloutGroups(prompts, await inBytes.sample(prompts, sampling));
  const corrected = await inBytes.update(groups, grpo);
  const told = await inFloats.update(groups, { ...grpo, importanceCap: 1.01 });
  expect(corrected).toMatchObject(told);
  expect(corrected.clipFraction).toBeGreaterThan(0);
  expect([...inBytes.learner.weights]).toEqual([...inFloats.learner.weights]);
});

describe("where samples are too far from the policy that learns", () => {
  test("all is sampled in float32 from then on, which is said once", async () => {
    await using inBytes = await openBytes({ maxGap: 1e-6 });
    const groups = rolloutGroups(prompts, await inBytes.sample(prompts, sampling));
    const { sampler } = await inBytes.update(groups, grpo);
    expect(sampler?.precision).toBe("float32");
    expect(sampler?.news.at(-1)).toMatch(/^all is sampled in 32 bits: .* more than sampling\.maxGap/);

    await using inFloats = await openTiny();
    await inFloats.update(groups, { ...grpo, importanceCap: 3 });
    expect(await inBytes.sample(prompts, sampling)).toEqual(await inFloats.sample(prompts, sampling));
    const later = await inBytes.update(groups, grpo);
    expect(later.sampler).toEqual({ precision: "float32", floatLayers: [], news: [] });
  });

  test("a policy that goes on from a saved state still does", async () => {
    await using policy = await openBytes({ maxGap: 1e-6 });
    const groups = rolloutGroups(prompts, await policy.sample(prompts, sampling));
    await policy.update(groups, grpo);
    const folder = join(scratch, "state");
    await policy.saveState(folder);
    await using resumed = await openBytes();
    await resumed.loadState(folder);
    expect(await resumed.sample(prompts, sampling)).toEqual(await policy.sample(prompts, sampling));
  });
});

describe("a layer that overflows in eight bits alone", () => {
  /** Its weights are so large, and what it reads so small, that sums of bytes overflow before they are scaled. */
  const layer = "model.text_model.layers.0";
  const gating = `${layer}.mlp.gate_proj+${layer}.mlp.up_proj`;
  async function overflowing(): Promise<string> {
    const { folder } = await copyTiny();
    const weights = await readModelWeights(folder);
    const scaled = (name: string, factor: number): [string, FloatArray] => {
      const { shape, data } = weights.get(name) as FloatArray;
      return [name, { shape, data: data.map((value) => value * factor) }];
    };
    const { data } = weights.get(`${layer}.mlp.up_proj.weight`) as FloatArray;
    const factor = 1e37 / data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const changed = [
      scaled(`${layer}.post_attention_layernorm.weight`, 1 / factor),
      scaled(`${layer}.mlp.gate_proj.weight`, factor),
      scaled(`${layer}.mlp.up_proj.weight`, factor),
    ];
    await writeSafetensors(join(folder, "model.safetensors"), new Map([...weights, ...changed]));
    return folder;
  }

  test("keeps its 32 bits, which is recorded", async () => {
    const folder = await overflowing();
    await using policy = await openBytes({}, {}, folder);
    const sampled = await policy.sample(prompts, sampling);
    const { sampler } = await policy.update(rolloutGroups(prompts, sampled), grpo);
    expect(sampler).toMatchObject({ precision: "int8", floatLayers: [gating] });
    expect(sampler?.news.at(-1)).toContain(`${gating} (no numbers)`);
    await rm(folder, { recursive: true });
  });

  test("is found when sampling meets it, too", async () => {
    const folder = await overflowing();
    await using policy = await openBytes({}, {}, folder);
    const wanted = await policy.sample(prompts, sampling);
    const state = join(scratch, "overflowing");
    await policy.saveState(state);
    const bearing = { floatLayers: {}, givenUp: false, news: [] };
    await writeFile(join(state, "sampling_precision.json"), JSON.stringify(bearing));
    await policy.loadState(state);
    expect(await policy.sample(prompts, sampling)).toEqual(wanted);
    const { sampler } = await policy.update(rolloutGroups(prompts, wanted), grpo);
    expect(sampler).toMatchObject({ precision: "int8", floatLayers: [gating] });
    await rm(folder, { recursive: true });
  });
});

describe("the bytes of frozen layers", () => {
  const cache = () => join(scratch, "cache");
  const files = async () => (await readdir(cache())).filter((name) => name.endsWith(".safetensors"));

  test("are made once, made again where the file is damaged, and others where the model is", async () => {
    const { folder } = await copyTiny();
    const model = join(folder, "model.safetensors");
    const draw = async () => {
      await using policy = await openBytes({}, { adapter }, folder);
      return policy.sample(prompts, sampling);
    };
    const before = new Set(await files());
    const wanted = await draw();
    const [made, ...more] = (await files()).filter((name) => !before.has(name));
    expect(more).toEqual([]);
    const path = join(cache(), made as string);
    const { mtimeMs, size } = await stat(path);
    expect(await draw()).toEqual(wanted);
    expect((await stat(path)).mtimeMs).toBe(mtimeMs);

    await writeFile(path, "no such thing");
    expect(await draw()).toEqual(wanted);
    expect((await stat(path)).size).toBe(size);

    const weights = await readModelWeights(folder);
    const louder = new Map(
      [...weights].map(([name, { shape, data }]) => [name, { shape, data: data.map((x) => 1.5 * x) }]),
    );
    await writeSafetensors(model, louder);
    await utimes(model, 1, 1);
    const other = await draw();
    expect(tokensOf(other)).not.toEqual(tokensOf(wanted));
    expect((await files()).filter((name) => !before.has(name))).toHaveLength(2);
    await rm(folder, { recursive: true });
  });
});
