import { beforeAll, describe, expect, test } from "vitest";
import { Session } from "../../autodiff/onnx/session.ts";
import { classLogProb, concat, gather, replaceRows } from "../../autodiff/operators/index.ts";
import { input, integers, type Tensor } from "../../autodiff/tensor.ts";
import { BufferPool } from "../../policy/buffer_pool.ts";
import { gradientOutputs } from "../../policy/graphs.ts";
import { LocalPolicy } from "../../policy/local_policy.ts";
import { crossEntropy } from "../../policy/loss.ts";
import type { TreeJob } from "../../policy/micro_batch.ts";
import { readModelJson } from "../../policy/model_files.ts";
import { type PrefixTree, tokensIn, treeAttention } from "../../policy/models/attention.ts";
import type { Weights } from "../../policy/models/layers.ts";
import { Qwen25Vl } from "../../policy/models/qwen2_5_vl.ts";
import { parseQwen25VlConfig } from "../../policy/models/qwen2_5_vl_config.ts";
import { windowsOf } from "../../policy/models/qwen2_5_vl_grid.ts";
import type { ImageShape } from "../../policy/models/vision_language_model.ts";
import { Sampler } from "../../policy/sampler.ts";
import { SessionCache } from "../../policy/sessions.ts";
import { parameterTensors } from "../../policy/weights/parameter_tensors.ts";
import { ParameterLayout } from "../../policy/weights/parameters.ts";
import { readModelWeights } from "../model_weights.ts";
import { tinyOptions } from "../policy/tiny.ts";
import { readReference, readReferenceImage, readReferenceTensors, referencePath } from "../reference_dir.ts";
import { expectClose, expectGradients } from "./closeness.ts";
import { differentiate, referenceGroup } from "./update.ts";

const folder = referencePath("qwen2_5_vl-tiny");
const cases = readReference("qwen2_5_vl-tiny/cases.json");
const options = { threads: 1 };

let model: Qwen25Vl;
let views: Record<string, Float32Array>;

beforeAll(async () => {
  model = new Qwen25Vl(
    parseQwen25VlConfig(
      await readModelJson(`${folder}/config.json`),
      await readModelJson(`${folder}/generation_config.json`),
    ),
  );
  const layout = new ParameterLayout(model.parameters);
  const flat = new Float32Array(layout.size);
  for (const [name, { data }] of await readModelWeights(folder)) layout.view(flat, name).set(data);
  views = layout.views(flat);
});

async function referenceCase(name: string) {
  const tensors = await readReferenceTensors(`qwen2_5_vl-tiny/${name}.safetensors`);
  const floats = (key: string) => tensors.get(key)?.data as Float32Array;
  const ids = (key: string) => Int32Array.from(tensors.get(key)?.data as BigInt64Array, Number);
  const grids = ids("image_grid_thw");
  const images = Array.from({ length: grids.length / 3 }, (_, i): ImageShape => {
    const [tiles = 0, height = 0, width = 0] = grids.subarray(3 * i, 3 * i + 3);
    return { tiles, height, width };
  });
  return { floats, ids, images, patches: floats("pixel_values") };
}

/** The patches of each image as inputs, and what is fed to them. */
function patchInputs(images: readonly ImageShape[], patches: Float32Array) {
  let end = 0;
  const parts = images.map((image, i) => {
    const count = image.height * image.width;
    end += count;
    const data = patches.subarray((end - count) * model.patchWidth, end * model.patchWidth);
    return { image, name: `patches${i}`, patches: input(`patches${i}`, [count, model.patchWidth]), data };
  });
  return { parts, feeds: Object.fromEntries(parts.map(({ name, data }) => [name, data])) };
}

/** Vision tower and merger, image by image. */
function visionOf(w: Weights, parts: ReturnType<typeof patchInputs>["parts"]) {
  const vision = parts.map(({ patches, image }) => model.vision(w, patches, image));
  const rows = vision.map((features, i) => model.merge(w, features, parts[i]?.image as ImageShape));
  return { vision: concat(vision, { axis: 0 }), rows: concat(rows, { axis: 0 }) };
}

/** The text model over one sequence and one more token, which a tree needs: states [length + 1, D]. */
function sequenceStates(w: Weights, length: number, rows: Tensor): { tree: PrefixTree; states: Tensor } {
  const tree: PrefixTree = { prefixes: 1, prefixLength: length, branches: 1, branchLength: 1 };
  const total = tokensIn(tree);
  const merged = replaceRows(
    model.embed(w, input("tokens", [total], "int64")),
    input("image_places", rows.shape.slice(0, 1), "int64"),
    rows,
  );
  const attend = treeAttention(tree, model.heads, input("prefix_bias", [1, 1, 1, length]));
  const positions = input("positions", [3 * total], "int64");
  return { tree, states: model.text(w, merged, positions, total, attend) };
}

/** What such a sequence is fed. */
function sequenceFeeds(tokens: Int32Array, images: readonly ImageShape[]) {
  const { axes, next } = model.positions(tokens, images);
  const numbers = (list: Iterable<number>) => BigInt64Array.from(list, BigInt);
  const places = [...tokens.keys()].filter((t) => tokens[t] === model.config.imageTokenId);
  return {
    tokens: numbers([...tokens, model.config.padTokenId]),
    positions: numbers(axes.flatMap((axis) => [...Array.from(axis), next])),
    image_places: numbers(places),
    prefix_bias: new Float32Array(tokens.length),
  };
}

describe.each(["case0", "case1", "case2"])("%s", (name) => {
  test("window order and positions", async () => {
    const { ids, images } = await referenceCase(name);
    const { mergeSize } = model.config.vision;
    let cells = 0;
    const order: number[] = [];
    const sizes: number[] = [];
    for (const image of images) {
      const windows = windowsOf(image, model.config.vision);
      order.push(...windows.order.map((cell) => cells + cell));
      sizes.push(...windows.sizes.map((n) => n * mergeSize ** 2));
      cells += model.rows(image);
    }
    expect(order).toEqual([...ids("window_index")]);
    expect(sizes).toEqual(cases[name].window_sizes_in_patches);

    const tokens = ids("input_ids");
    const { axes, next } = model.positions(tokens, images);
    expect(axes.flatMap((axis) => Array.from(axis))).toEqual([...ids("position_ids")]);
    expect(next - tokens.length).toBe(ids("rope_delta")[0]);
  });

  test("vision tower, merger and logits", async () => {
    const { floats, ids, images, patches } = await referenceCase(name);
    const w = parameterTensors(model.parameters);
    const { parts, feeds } = patchInputs(images, patches);
    const { vision, rows } = visionOf(w, parts);
    const tokens = ids("input_ids");
    const { states } = sequenceStates(w, tokens.length, rows);
    const own = gather(states, integers([...tokens.keys()]), { unique: true });
    await using session = await Session.compile({ vision, rows, own, logits: model.logits(w, own) }, options);
    const result = await session.run({ ...views, ...feeds, ...sequenceFeeds(tokens, images) });
    expectClose(result.vision, floats("vision_last_hidden_state"), 1e-4);
    expectClose(result.rows, floats("merger_output"), 5e-5);
    expectClose(result.logits, floats("logits"), 2e-4);
  });
});

test.each(["case0", "case2"])("%s: cross-entropy and every gradient", async (name) => {
  const { floats, ids, images, patches } = await referenceCase(name);
  const w = parameterTensors(model.parameters);
  const { parts, feeds } = patchInputs(images, patches);
  const tokens = ids("input_ids");
  const completion = ids("completion_ids");
  const { states } = sequenceStates(w, tokens.length, visionOf(w, parts).rows);
  const start = tokens.length - completion.length - 1;
  const before = integers([...completion.keys()].map((t) => start + t));
  const logits = model.logits(w, gather(states, before, { unique: true }));
  const logProbs = classLogProb(logits, integers([...completion]));
  const loss = crossEntropy(logProbs, input("weights", [completion.length]));
  const names = model.parameters.map((parameter) => parameter.name);
  await using session = await Session.compile(
    { loss, logProbs, ...gradientOutputs(loss, w, names) },
    options,
  );
  const weights = new Float32Array(completion.length).fill(1 / completion.length);
  const outputs = await session.run({ ...views, ...feeds, ...sequenceFeeds(tokens, images), weights });
  expectClose(outputs.logProbs, floats("completion_logprobs"), 1e-4);
  expectClose(outputs.loss, floats("loss_ce"), 1e-5);
  await expectGradients(outputs, `qwen2_5_vl-tiny/${name}.grads_ce.safetensors`);
});

/** Cases with one image, which the policy's own graphs take. */
const single = ["case0", "case1"];

test.each(single)("%s: greedy tokens", async (name) => {
  const { ids, images, patches } = await referenceCase(name);
  const [image] = images as [ImageShape];
  const w = parameterTensors(model.parameters);
  const { parts, feeds } = patchInputs(images, patches);
  await using session = await Session.compile({ rows: visionOf(w, parts).rows }, options);
  const { rows } = await session.run({ ...views, ...feeds });
  const prompt = ids("prompt_input_ids");
  const end = prompt.lastIndexOf(model.config.imageTokenId) + 2;
  const wanted = ids("greedy_ids");
  const sampling = {
    groupSize: 2,
    temperature: 0,
    topK: 0,
    topP: 1,
    maxTokens: wanted.length,
    ignoreEos: true,
    seed: 0,
    firstPrompt: 0,
  };
  const encoded = {
    prefix: prompt.subarray(0, end),
    suffix: prompt.subarray(end),
    imageRows: rows as Float32Array,
    image,
  };
  await using sessions = new SessionCache({ threads: 1 });
  const tools = { model, tensors: parameterTensors(model.parameters), sessions, pool: new BufferPool(0) };
  const [group] = await new Sampler(tools, views, [encoded], sampling).run();
  for (const completion of group ?? []) expect([...completion.tokens]).toEqual([...wanted]);
});

test("case0: cross-entropy and every gradient of a padded micro-batch", async () => {
  const { floats, ids, images, patches } = await referenceCase("case0");
  const completion = ids("completion_ids");
  const [image] = images as [ImageShape];
  const job: TreeJob = { prefix: ids("prompt_input_ids"), image, targets: [completion] };
  const weights = () => new Float32Array(completion.length).fill(1 / completion.length);
  const outputs = await differentiate(model, views, job, patches, { kind: "cross_entropy" }, { weights });
  expectClose(outputs.loss, floats("loss_ce"), 1e-5);
  await expectGradients(outputs, "qwen2_5_vl-tiny/case0.grads_ce.safetensors");
});

test.each(["grpo", "dapo"] as const)("%s: loss and every gradient", async (loss) => {
  const { images, patches, ids } = await referenceCase(cases.grpo.uses_image_and_prompt_of);
  const [image] = images as [ImageShape];
  const group = await referenceGroup("qwen2_5_vl-tiny", loss);
  const job: TreeJob = { prefix: ids("prompt_input_ids"), image, targets: group.targets };
  const outputs = await differentiate(model, views, job, patches, group.objective, group.values);
  expectClose(outputs.loss, group.loss, 1e-5);
  await expectGradients(outputs, `qwen2_5_vl-tiny/grpo.grads_${loss}.safetensors`);
});

test("the whole policy scores a prompt and its completion as the reference does", async () => {
  await using policy = await LocalPolicy.open(folder, tinyOptions);
  for (const name of single) {
    const { floats, ids } = await referenceCase(name);
    const text = cases[name].messages[0].content[1].text;
    const prompt = { image: await readReferenceImage(`qwen2_5_vl-tiny/${name}.image0.png`), text };
    const completions = [ids("completion_ids")];
    for (const weights of ["policy", "reference"] as const) {
      const [scores] = await policy.score([{ prompt, completions }], { weights, temperature: 1 });
      expectClose(scores?.[0], floats("completion_logprobs"), 1e-4);
    }
  }
});
