import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LocalPolicy } from "../../../policy/embedded/local_policy.ts";
import type { Completion, Prompt, SamplingOptions } from "../../../policy/port.ts";
import { promptAbout } from "../../../policy/prompts.ts";
import { type FloatArray, writeSafetensors } from "../../../policy/weights/safetensors_writer.ts";
import { aboutCopies } from "../../fakes/prompts.ts";
import { readModelWeights } from "../../model_weights.ts";
import { expectClose } from "../../parity/closeness.ts";
import { copyTiny, openTiny, picture, questions, sampling, tinyFolder, tinyOptions } from "../tiny.ts";

let policy: LocalPolicy;

beforeAll(async () => {
  policy = await openTiny();
});
afterAll(() => policy[Symbol.asyncDispose]());

/** The same tokens and ends, and log-probabilities within 1e-5. */
function expectSame(actual: readonly Completion[] | undefined, wanted: readonly Completion[] = []): void {
  expect(actual?.length).toBe(wanted.length);
  wanted.forEach(({ tokens, logProbs, text, finishReason }, g) => {
    expect([...(actual?.[g]?.tokens ?? [])]).toEqual([...tokens]);
    expectClose(actual?.[g]?.logProbs, logProbs, 1e-5);
    expect(actual?.[g]).toMatchObject({ text, finishReason });
  });
}

/** Scored under the same weights, every completion has the log-probabilities that it was sampled with. */
async function expectScored(
  prompts: readonly Prompt[],
  sampled: readonly Completion[][],
  temperature: number,
  scorer: LocalPolicy = policy,
): Promise<void> {
  const groups = prompts.map((prompt, i) => ({ prompt, completions: sampled[i] ?? [] }));
  const scores = await scorer.score(groups, { weights: "policy", temperature });
  sampled.forEach((group, i) => {
    group.forEach(({ logProbs }, g) => {
      expectClose(scores[i]?.[g], logProbs, 1e-4);
    });
  });
}

function tokensOf(group: readonly Completion[] = []): Int32Array[] {
  return group.map(({ tokens }) => tokens);
}

describe("sampling", () => {
  test("gives the same completions for the same seed, others for another", async () => {
    const prompts = questions(3);
    const first = await policy.sample(prompts, sampling);
    expect(await policy.sample(prompts, sampling)).toEqual(first);
    const other = await policy.sample(prompts, { ...sampling, seed: 8 });
    expect(other.map(tokensOf)).not.toEqual(first.map(tokensOf));
    const twice = await policy.sample([prompts[0] as Prompt, prompts[0] as Prompt], sampling);
    const all = [...first.slice(1), ...twice].flat().map(({ tokens }) => `${tokens}`);
    expect(new Set(all).size).toBe(all.length);
  });

  test("does not depend on which other prompts are asked", async () => {
    const [a, b, c, d] = questions(4) as [Prompt, Prompt, Prompt, Prompt];
    const [alone] = await policy.sample([a], sampling);
    const [first, second] = await policy.sample([a, b, c], sampling);
    expectSame(first, alone);
    const [, again] = await policy.sample([d, b, b, a, c, d], sampling);
    expectSame(again, second);
  });

  test("one image shared by prompts gives what an image for each gives", async () => {
    const shared = questions(11, 1);
    const separate = shared.map((prompt, i) => aboutCopies(prompt, () => `copy ${i}`));
    const wanted = await policy.sample(separate, sampling);
    (await policy.sample(shared, sampling)).forEach((group, i) => {
      expectSame(group, wanted[i]);
    });
  });

  test("completions end at a stop token or at maxTokens", async () => {
    const stops: readonly number[] = policy.model.config.eosTokenIds;
    const groups = await policy.sample(questions(16), { ...sampling, groupSize: 8, maxTokens: 60 });
    const ended = { stop: 0, length: 0 };
    for (const { tokens, logProbs, text, finishReason } of groups.flat()) {
      ended[finishReason]++;
      expect(logProbs.length).toBe(tokens.length);
      expect(tokens.subarray(0, -1).some((token) => stops.includes(token))).toBe(false);
      expect(stops.includes(tokens.at(-1) as number)).toBe(finishReason === "stop");
      if (finishReason === "length") expect(tokens.length).toBe(60);
      expect(text).toBe(policy.tokenizer.decode(tokens, true).trim());
    }
    expect(ended.stop).toBeGreaterThan(3);
    expect(ended.length).toBeGreaterThan(3);
  });

  test("a text ends a completion where it is complete, and changes nothing before", async () => {
    const options = { ...sampling, groupSize: 8, maxTokens: 60 };
    const whole = (await policy.sample(questions(16), options)).flat();
    const text = (tokens: Int32Array) => policy.tokenizer.decode(tokens);
    // Of two tokens or more, some of which are common.
    const [stop] = [...new Set(whole.flatMap(({ tokens }) => text(tokens.subarray(7, 10)).trim()))]
      .filter((each) => each.includes(" "))
      .sort((a, b) => countOf(b) - countOf(a)) as [string];
    function countOf(each: string): number {
      return whole.filter(({ tokens }) => text(tokens).includes(each)).length;
    }
    const stopTexts = ["never said", stop];
    const cut = (await policy.sample(questions(16), { ...options, stopTexts })).flat();
    expect(countOf(stop)).toBeGreaterThan(2);
    whole.forEach(({ tokens, finishReason }, i) => {
      const ends = [...tokens.keys()].map((t) => t + 1);
      const length = ends.find((end) => text(tokens.subarray(0, end)).includes(stop)) ?? tokens.length;
      expect([...(cut[i]?.tokens ?? [])]).toEqual([...tokens.subarray(0, length)]);
      expect(cut[i]?.finishReason).toBe(length < tokens.length ? "stop" : finishReason);
    });
  });

  test.each([1, 0.7])(
    "at temperature %d log-probabilities are those that score gives",
    async (temperature) => {
      const prompts = questions(5);
      const options = { ...sampling, temperature, topK: 40, topP: 0.9 };
      await expectScored(prompts, await policy.sample(prompts, options), temperature);
    },
  );

  test("temperature 0 takes the most likely token", async () => {
    const [prompt] = questions(1) as [Prompt];
    const [[greedy]] = (await policy.sample([prompt], { ...sampling, temperature: 0, groupSize: 1 })) as [
      [Completion],
    ];
    const { vocabSize } = policy.model.config.text;
    for (const t of [0, 5]) {
      const completions = Array.from({ length: vocabSize }, (_, token) => ({
        tokens: Int32Array.of(...greedy.tokens.subarray(0, t), token),
      }));
      const [scores] = await policy.score([{ prompt, completions }], { weights: "policy", temperature: 1 });
      const last = (scores ?? []).map((logProbs) => logProbs[t] as number);
      expect(last.indexOf(Math.max(...last))).toBe(greedy.tokens[t]);
      expect(last.reduce((sum, x) => sum + Math.exp(x), 0)).toBeCloseTo(1, 4);
    }
  });
});

describe("prompts that wait for a slot, and caches that grow", () => {
  // 256 sequences run side by side; the past of the first graph holds 16 tokens.
  const cases = [
    { groupSize: 1, count: 258, temperature: 0 },
    { groupSize: 3, count: 88, temperature: 1 },
    { groupSize: 5, count: 3, temperature: 1 },
    { groupSize: 16, count: 19, temperature: 1 },
    { groupSize: 16, count: 18, temperature: 0 },
  ];

  test.each(cases)("$count prompts with $groupSize each, temperature $temperature", async (given) => {
    const { groupSize, count, temperature } = given;
    const prompts = questions(count);
    const options: SamplingOptions = { ...sampling, groupSize, temperature, maxTokens: 36 };
    const sampled = await policy.sample(prompts, options);
    expect(sampled.map((group) => group.length)).toEqual(prompts.map(() => groupSize));
    await expectScored(prompts, sampled, 1);
    // What is drawn depends on the prompt's place, so that only the first can be drawn alone.
    const alone = temperature === 0 ? [0, 1, count - 2, count - 1] : [0];
    for (const i of alone) expectSame((await policy.sample([prompts[i] as Prompt], options))[0], sampled[i]);
  });

  test("of a large model, with few shapes of its graphs", async () => {
    await using large = await openTiny();
    Object.defineProperty(large, "large", { value: true });
    const shapes = new Set<string>();
    const get = large.sessions.get.bind(large.sessions);
    large.sessions.get = (kind, shape, build) => {
      if (kind === "decode") shapes.add(JSON.stringify(shape));
      return get(kind, shape, build);
    };
    const prompts = questions(6);
    const options: SamplingOptions = { ...sampling, groupSize: 2, maxTokens: 160 };
    const sampled = await large.sample(prompts, options);
    expect(Math.max(...sampled.flat().map(({ tokens }) => tokens.length))).toBeGreaterThan(128);
    await expectScored(prompts, sampled, 1);
    const pasts = [...shapes].map((shape) => JSON.parse(shape).pastLength);
    expect(new Set(pasts)).toEqual(new Set([128, 160]));
    expect(shapes.size).toBeLessThanOrEqual(4);
  });
});

test.each([
  { groupSize: 1, count: 60 },
  { groupSize: 7, count: 80 },
])("$count prompts with $groupSize each that end at any time", async ({ groupSize, count }) => {
  const stops = Array.from({ length: 40 }, (_, i) => 200 + i);
  await using copy = await copyTiny({ "generation_config.json": { eos_token_id: stops } });
  await using hasty = await LocalPolicy.open(copy.folder, tinyOptions);
  const prompts = questions(count);
  const options = { ...sampling, groupSize, maxTokens: 60 };
  const sampled = await hasty.sample(prompts, options);
  const lengths = sampled.flat().map(({ tokens }) => tokens.length);
  expect(new Set(lengths).size).toBeGreaterThan(10);
  expect(sampled.map((group) => group.length)).toEqual(prompts.map(() => groupSize));
  await expectScored(prompts, sampled, 1, hasty);
  expectSame((await hasty.sample(prompts.slice(0, 1), options))[0], sampled[0]);
});

describe("scoring", () => {
  test("does not depend on micro-batches and padding", async () => {
    await using small = await openTiny({ microBatchTokens: 100 });
    const prompts = questions(5);
    const sampled = await policy.sample(prompts, { ...sampling, maxTokens: 12 });
    const groups = prompts.map((prompt, i) => ({
      prompt,
      completions: (sampled[i] ?? []).map(({ tokens }, g) => ({
        tokens: tokens.subarray(0, 1 + ((i + 3 * g) % 12)),
      })),
    }));
    const options = { weights: "policy", temperature: 1 } as const;
    const [wanted, actual] = [await policy.score(groups, options), await small.score(groups, options)];
    wanted.flat().forEach((logProbs, i) => {
      expectClose(actual.flat()[i], logProbs, 1e-5);
    });
  });

  test("nothing to do gives nothing", async () => {
    expect(await policy.sample([], sampling)).toEqual([]);
    expect(await policy.score([], { weights: "policy", temperature: 1 })).toEqual([]);
    await policy.prepare([]);
  });
});

test("features are what images become, under the weights as they are and as they were", async () => {
  await using learning = await openTiny();
  const images = [picture(1), picture(2)];
  const features = await learning.features(images, { weights: "policy" });
  for (const { tiles, rows, width, data } of features) {
    expect(width).toBe(learning.model.imageWidth);
    expect(data).toHaveLength(tiles * rows * width);
  }
  expect(features[0]?.data).not.toEqual(features[1]?.data);
  await learning.supervise([{ prompt: promptAbout(picture(1), "What?"), completion: "two" }], {
    learningRate: 1e-2,
  });
  expect(await learning.features(images, { weights: "reference" })).toEqual(features);
  expect((await learning.features(images, { weights: "policy" }))[0]?.data).not.toEqual(features[0]?.data);
  expect((await learning.info()).trainsImages).toBe(true);
  const frozen = { text: 1, connector: 0, vision: 0 };
  await using blindly = await openTiny({ learningRateFactors: frozen });
  expect((await blindly.info()).trainsImages).toBe(false);
  expect(await blindly.features(images, { weights: "policy" })).toEqual(features);
});

test("a call whose signal has aborted is cancelled", async () => {
  const signal = AbortSignal.abort();
  const cancelled = expect.objectContaining({ code: "cancelled" });
  const [prompt] = questions(1) as [Prompt];
  await expect(policy.sample([prompt], sampling, signal)).rejects.toEqual(cancelled);
  await expect(policy.prepare([picture(9)], signal)).rejects.toEqual(cancelled);
  await expect(
    policy.score(
      [{ prompt, completions: [{ tokens: Int32Array.of(1) }] }],
      { weights: "policy", temperature: 1 },
      signal,
    ),
  ).rejects.toEqual(cancelled);
});

describe("model folders", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "visplay-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test("what is saved opens with the same weights and holds what transformers needs", async () => {
    await using trained = await openTiny();
    const prompts = questions(2);
    await trained.sample(prompts, sampling);
    const lesson = prompts.map((prompt) => ({ prompt, completion: "three" }));
    await trained.supervise(lesson, { learningRate: 1e-2 });
    const saved = join(folder, "deep", "saved");
    await trained.save(saved);
    await using opened = await LocalPolicy.open(saved, tinyOptions);
    expect(opened.learner.weights).toEqual(trained.learner.weights);
    expect(opened.learner.weights).not.toEqual(policy.learner.weights);
    expect(await trained.sample(prompts, sampling)).toEqual(await opened.sample(prompts, sampling));
    const needed = [
      "chat_template.json",
      "config.json",
      "generation_config.json",
      "model.safetensors",
      "preprocessor_config.json",
      "processor_config.json",
      "special_tokens_map.json",
      "tokenizer.json",
      "tokenizer_config.json",
    ];
    expect(await readdir(saved)).toEqual(expect.arrayContaining(needed));
    const shapes = async (path: string) =>
      [...(await readModelWeights(path))].map(([name, { shape }]) => `${name} [${shape}]`).sort();
    expect(await shapes(saved)).toEqual(await shapes(tinyFolder));
  });

  test("a folder that cannot be written is a disk error", async () => {
    const file = join(folder, "file");
    await writeFile(file, "");
    await expect(policy.save(file)).rejects.toMatchObject({ code: "disk" });
    await expect(policy.save(join(file, "below"))).rejects.toMatchObject({ code: "disk" });
  });

  const norm = "model.text_model.norm.weight";
  const faults: { name: string; change: (tensors: Map<string, FloatArray>) => void; message: RegExp }[] = [
    {
      name: "missing",
      change: (all) => all.delete(norm),
      message: /lack model\.text_model\.norm\.weight \[64\]/,
    },
    {
      name: "of the wrong shape",
      change: (all) => all.set(norm, { shape: [8, 8], data: new Float32Array(64) }),
      message: /model\.text_model\.norm\.weight is \[8,8\].*\[64\]/,
    },
    {
      name: "unknown",
      change: (all) => all.set("model.extra", { shape: [1], data: new Float32Array(1) }),
      message: /model\.extra/,
    },
  ];

  test.each(faults)("a tensor that is $name is refused", async ({ name, change, message }) => {
    await using broken = await copyTiny();
    const tensors = await readModelWeights(tinyFolder);
    change(tensors);
    await writeSafetensors(join(broken.folder, "model.safetensors"), tensors);
    await expect(LocalPolicy.open(broken.folder, tinyOptions), name).rejects.toMatchObject({
      code: "model",
      message: expect.stringMatching(message),
    });
  });
});
