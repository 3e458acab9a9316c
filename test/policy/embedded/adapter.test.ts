import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { exportAdapter, exportModel } from "../../../policy/embedded/export_model.ts";
import { LocalPolicy } from "../../../policy/embedded/local_policy.ts";
import type { AdapterOptions } from "../../../policy/options.ts";
import type { Prompt } from "../../../policy/port.ts";
import { readSafetensors } from "../../../policy/weights/safetensors.ts";
import { type TensorSource, writeSafetensors } from "../../../policy/weights/safetensors_writer.ts";
import { readModelWeights } from "../../model_weights.ts";
import { expectClose } from "../../parity/closeness.ts";
import { referencePath } from "../../reference_dir.ts";
import {
  copyTiny,
  grpo,
  openTiny,
  questions,
  relativeError,
  rolloutGroups,
  sampling,
  tinyFolder,
  tinyOptions,
} from "../tiny.ts";

const adapter: AdapterOptions = { rank: 4, alpha: 8, rankStabilized: false, layers: null, seed: 1 };
const prompts = questions(3);
const completions = [Int32Array.of(5, 6, 7), Int32Array.of(9, 10)];
let scratch: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "visplay-adapter-"));
  vi.stubEnv("VISPLAY_CACHE", join(scratch, "cache"));
});
afterAll(() => {
  vi.unstubAllEnvs();
  return rm(scratch, { recursive: true });
});

async function scores(
  policy: LocalPolicy,
  weights: "policy" | "reference" = "policy",
): Promise<Float32Array> {
  const groups = prompts.map((prompt: Prompt) => ({
    prompt,
    completions: completions.map((tokens) => ({ tokens })),
  }));
  const all = await policy.score(groups, { weights, temperature: 1 });
  return Float32Array.from(all.flat().flatMap((logProbs) => [...logProbs]));
}

/** A step whose groups reward the first completions. */
async function step(policy: LocalPolicy, learningRate = 1e-2): Promise<void> {
  const sampled = await policy.sample(prompts, sampling);
  await policy.update(rolloutGroups(prompts, sampled), { ...grpo, learningRate });
}

describe("a new adapter", () => {
  test("changes nothing before it is trained, and the reference never", async () => {
    await using whole = await openTiny();
    await using policy = await openTiny({ adapter });
    const base = await scores(whole);
    expectClose(await scores(policy), base, 1e-5);
    await step(policy);
    expect(relativeError(await scores(policy), base)).toBeGreaterThan(1e-3);
    expectClose(await scores(policy, "reference"), base, 1e-5);
  });

  test("has the text model's linear layers, or those that a pattern matches", async () => {
    const count = async (layers: string | null) => {
      await using policy = await openTiny({ adapter: { ...adapter, layers } });
      return policy.weights.layout.specs.map(({ name }) => name).filter((name) => name.includes("lora_A"));
    };
    expect((await count(null)).length).toBe(2 * 7);
    expect((await count("vision_model.*fc1$")).every((name) => name.includes("vision_model"))).toBe(true);
    expect((await count("q_proj")).length).toBe(2 + 2);
    await expect(count("(")).rejects.toMatchObject({
      code: "config",
      message: expect.stringMatching(/adapter\.layers/),
    });
    await expect(count("nothing")).rejects.toMatchObject({
      code: "config",
      message: expect.stringMatching(/nothing matches none/),
    });
  });

  test("is the same for a seed, and another for another", async () => {
    const initial = async (seed: number) => {
      await using policy = await openTiny({ adapter: { ...adapter, seed } });
      return policy.weights.initial;
    };
    expect(await initial(1)).toEqual(await initial(1));
    expect(await initial(1)).not.toEqual(await initial(2));
  });
});

describe("a trained adapter", () => {
  test("goes on from its folder: scores, state, and merged into its model", async () => {
    const folder = join(scratch, "trained");
    await using policy = await openTiny({ adapter });
    await step(policy);
    await policy.saveState(folder);
    expect((await readdir(folder)).sort()).toEqual([
      "adapter_config.json",
      "adapter_model.safetensors",
      "optimizer.safetensors",
    ]);
    const trained = await scores(policy);
    await using again = await LocalPolicy.open(folder, tinyOptions);
    expect(await scores(again)).toEqual(trained);
    await using resumed = await openTiny({ adapter });
    await resumed.loadState(folder);
    await step(policy);
    await step(resumed);
    expect(resumed.learner.weights).toEqual(policy.learner.weights);

    const merged = join(scratch, "merged");
    await exportModel(folder, merged, { dtype: "F32", shardBytes: 2 ** 18 });
    expect((await readdir(merged)).filter((name) => name.endsWith(".safetensors")).length).toBeGreaterThan(1);
    await using whole = await LocalPolicy.open(merged, tinyOptions);
    expectClose(await scores(whole), trained, 1e-5);

    const renamed = join(scratch, "renamed");
    await exportAdapter(folder, renamed, "owner/name");
    const config = JSON.parse(await readFile(join(renamed, "adapter_config.json"), "utf8"));
    expect(config.base_model_name_or_path).toBe("owner/name");
    await using moved = await LocalPolicy.open(renamed, { ...tinyOptions, base: tinyFolder });
    expect(await scores(moved)).toEqual(trained);
  });

  test("names its layers so that PEFT finds just them", async () => {
    for (const [folder, layers] of [
      [tinyFolder, null],
      [tinyFolder, "layers\\.1\\.self_attn\\.(q|v)_proj"],
      [referencePath("qwen2_5_vl-tiny"), "mlp"],
      [referencePath("qwen3_vl-tiny"), null],
      [referencePath("qwen3_vl-tiny"), "deepstack_merger_list|q_proj"],
    ] as const) {
      await using policy = await LocalPolicy.open(folder, {
        ...tinyOptions,
        adapter: { ...adapter, layers },
      });
      const saved = join(scratch, "named");
      await policy.save(saved);
      const { target_modules } = JSON.parse(await readFile(join(saved, "adapter_config.json"), "utf8"));
      const target = new RegExp(`^(?:${target_modules})$`);
      const { model, weights } = policy;
      const linear = model.parameters.filter(
        ({ name, shape }) => shape.length === 2 && !/embed|lm_head/.test(name),
      );
      for (const { name } of linear) {
        const layer = name.replace(/\.weight$/, "");
        expect(target.test(model.moduleNames(layer)[0]), layer).toBe(
          weights.layout.has(`${layer}.lora_A.weight`),
        );
      }
      await using again = await LocalPolicy.open(saved, tinyOptions);
      expect(again.weights.layout.specs).toEqual(weights.layout.specs);
      await rm(saved, { recursive: true });
    }
  });

  test("opens under the names that its layers had in transformers before 4.52", async () => {
    const [folder, saved] = [referencePath("qwen2_5_vl-tiny"), join(scratch, "former")];
    await using policy = await LocalPolicy.open(folder, {
      ...tinyOptions,
      adapter: { ...adapter, layers: "layers|blocks" },
    });
    await step(policy);
    await policy.save(saved);
    const path = join(saved, "adapter_model.safetensors");
    const former = new Map<string, TensorSource>();
    for (const [name, { shape, data }] of await readSafetensors(path)) {
      expect(name).toMatch(/^base_model\.model\.model\.(language_model|visual)\./);
      const before = name.replace(/model\.(language_model|visual)/, (_, part) =>
        part === "visual" ? part : "model",
      );
      former.set(before, { shape, data: data as Float32Array });
    }
    await writeSafetensors(path, former);
    await using again = await LocalPolicy.open(saved, tinyOptions);
    expect(again.learner.weights).toEqual(policy.learner.weights);
  });

  const faults: [string, object, RegExp][] = [
    ["DoRA", { use_dora: true }, /use_dora is true; expected false/],
    ["another method", { peft_type: "IA3" }, /peft_type is "IA3"; expected "LORA"/],
    ["whole modules", { modules_to_save: ["lm_head"] }, /modules_to_save is .*expected nothing/],
    ["another rank", { r: 5 }, /lora_A\.weight is \[4,64\]; adapter_config\.json asks for \[5,64\]/],
    ["no model", { base_model_name_or_path: null }, /base_model_name_or_path is missing/],
    [
      "a model elsewhere",
      { base_model_name_or_path: "/nowhere" },
      /\/nowhere is not a folder|\/nowhere: is not a folder/,
    ],
  ];
  test.each(faults)("of %s is refused", async (name, change, message) => {
    const settings = { base_model_name_or_path: tinyFolder, ...change };
    await using broken = await copyTiny({ "adapter_config.json": settings }, referencePath("lora"));
    await expect(LocalPolicy.open(broken.folder, tinyOptions), name).rejects.toMatchObject({
      code: "model",
      message: expect.stringMatching(message),
    });
  });
});

describe("weights in 16 bits", () => {
  test("are mapped from one converted copy, and score as the same numbers in 32 bits", async () => {
    const weights = await readModelWeights(tinyFolder);
    await using half = await copyTiny();
    await using full = await copyTiny();
    const path = (folder: string) => join(folder, "model.safetensors");
    await writeSafetensors(path(half.folder), weights, "BF16");
    await writeSafetensors(path(full.folder), await readModelWeights(half.folder));
    const open = (folder: string) => LocalPolicy.open(folder, { ...tinyOptions, adapter });
    const cached = async () => (await readdir(join(scratch, "cache")).catch(() => [])).length;
    const before = await cached();
    await using a = await open(half.folder);
    await using b = await open(half.folder);
    expect(await cached()).toBe(before + 1);
    await using c = await open(full.folder);
    expect(await cached()).toBe(before + 1);
    expect(await scores(a)).toEqual(await scores(c));
    expect(await scores(b)).toEqual(await scores(c));
  });
});

test("what is frozen stays in its file, and is saved with the rest", async () => {
  await using policy = await openTiny({ learningRateFactors: { text: 1, connector: 0, vision: 0 } });
  expect(policy.weights.layout.specs.every(({ group }) => group === "text")).toBe(true);
  await step(policy);
  const saved = join(scratch, "frozen");
  await policy.save(saved);
  const [before, after] = [await readModelWeights(tinyFolder), await readModelWeights(saved)];
  expect([...after.keys()]).toEqual([...before.keys()]);
  for (const [name, { data }] of before) {
    const same = after.get(name)?.data.every((x, i) => Object.is(x, data[i]));
    expect(same, name).toBe(!name.includes("text_model") && !name.includes("lm_head"));
  }
});

test("layers that are computed again, and branches in parts, give the same step", async () => {
  const stepped = async (options: object) => {
    await using policy = await openTiny({ adapter, ...options });
    const sampled = await policy.sample(prompts, sampling);
    const groups = rolloutGroups(prompts, sampled);
    const gradient = new Float32Array(policy.weights.layout.size);
    await policy.differentiate({ kind: "grpo", groups, options: grpo }, gradient);
    return gradient;
  };
  const kept = await stepped({});
  expect(relativeError(await stepped({ recomputes: true }), kept)).toBeLessThan(1e-5);
  expect(relativeError(await stepped({ microBatchTokens: 120, recomputes: false }), kept)).toBeLessThan(1e-5);
});
