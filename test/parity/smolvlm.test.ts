import { beforeAll, describe, expect, test } from "vitest";
import { Session } from "../../autodiff/onnx/session.ts";
import { input } from "../../autodiff/tensor.ts";
import { patchify } from "../../policy/chat/idefics3_processor.ts";
import { treeStates } from "../../policy/embedded/graphs.ts";
import { LocalPolicy } from "../../policy/embedded/local_policy.ts";
import { microBatchFeeds } from "../../policy/embedded/micro_batch.ts";
import type { PrefixTree } from "../../policy/models/attention.ts";
import { readIdefics3Config } from "../../policy/models/idefics3_config.ts";
import type { Weights } from "../../policy/models/layers.ts";
import { SmolVlm } from "../../policy/models/smolvlm.ts";
import { promptAbout } from "../../policy/prompts.ts";
import { parameterTensors } from "../../policy/weights/parameter_tensors.ts";
import { ParameterLayout } from "../../policy/weights/parameters.ts";
import { readModelWeights } from "../model_weights.ts";
import { readReference, readReferenceImage, readReferenceTensors, referencePath } from "../reference_dir.ts";
import { expectClose, expectGradients } from "./closeness.ts";
import { greedyTokens } from "./greedy.ts";
import { differentiate, imageJob, referenceGroup } from "./update.ts";

const folder = referencePath("smolvlm-tiny");
const cases = readReference("smolvlm-tiny/cases.json");
const options = { threads: 1 };

let model: SmolVlm;
let tensors: Weights;
let layout: ParameterLayout;
let flat: Float32Array;
let views: Record<string, Float32Array>;

beforeAll(async () => {
  model = new SmolVlm(await readIdefics3Config(folder));
  tensors = parameterTensors(model.parameters);
  layout = new ParameterLayout(model.parameters);
  flat = new Float32Array(layout.size);
  for (const [name, { data }] of await readModelWeights(folder)) layout.view(flat, name).set(data);
  views = layout.views(flat);
});

async function referenceCase(name: string) {
  const stored = await readReferenceTensors(`smolvlm-tiny/${name}.safetensors`);
  const floats = (key: string) => stored.get(key)?.data as Float32Array;
  const ids = (key: string) => Int32Array.from(stored.get(key)?.data as BigInt64Array, Number);
  const pixels = stored.get("pixel_values");
  const { imageSize, patchSize } = model.config.vision;
  const side = imageSize / patchSize;
  const image = { tiles: pixels?.shape[1] as number, height: side, width: side };
  return { floats, ids, image, patches: patchify(pixels?.data as Float32Array, imageSize, patchSize) };
}

/** The image's rows by the vision tower and connector, with both checked on the way. */
async function imageRows(patches: Float32Array): Promise<Record<string, Float32Array>> {
  const fed = input("patches", [patches.length / model.patchWidth, model.patchWidth]);
  const vision = model.vision(tensors, fed);
  const session = await Session.compile({ vision, rows: model.connect(tensors, vision) }, options);
  return session.run({ ...views, patches });
}

describe.each(["case0", "case1", "case2"])("%s", (name) => {
  test("vision tower, connector and logits", async () => {
    const { floats, ids, image, patches } = await referenceCase(name);
    const { vision, rows } = await imageRows(patches);
    expectClose(vision, floats("vision_last_hidden_state"), 1e-4);
    expectClose(rows, floats("connector_output"), 5e-5);

    const all = ids("input_ids");
    const tree: PrefixTree = { prefixes: 1, prefixLength: all.length - 1, branches: 1, branchLength: 1 };
    const shape = { ...tree, image: model.bucket(image), imagesPerPrefix: 1, predicted: null };
    const fed = input("image_rows", [model.rows(image), model.config.text.hiddenSize]);
    const hidden = treeStates(model, tensors, shape, fed);
    const session = await Session.compile({ logits: model.logits(tensors, hidden) }, options);
    const job = imageJob(model, all.subarray(0, -1), image, [Int32Array.of(all.at(-1) as number, 0)]);
    const feeds = microBatchFeeds(model, { shape, jobs: [0], firstBranch: 0 }, [job]);
    const { logits } = await session.run({ ...views, ...feeds, image_rows: rows as Float32Array });
    expectClose(logits, floats("logits"), 2e-4);
  });

  test("greedy tokens", async () => {
    const { ids, image, patches } = await referenceCase(name);
    const { rows } = await imageRows(patches);
    const wanted = [...ids("greedy_ids")];
    const shown = { shape: image, rows: rows as Float32Array };
    const greedy = await greedyTokens(model, views, ids("prompt_input_ids"), shown, wanted.length);
    expect(greedy).toEqual([wanted, wanted]);
  });
});

test.each(["case0", "case2"])("%s: cross-entropy and every gradient", async (name) => {
  const { floats, ids, image, patches } = await referenceCase(name);
  const completion = ids("completion_ids");
  const job = imageJob(model, ids("prompt_input_ids"), image, [completion]);
  const weights = () => new Float32Array(completion.length).fill(1 / completion.length);
  const outputs = await differentiate(model, views, job, patches, { kind: "cross_entropy" }, { weights });
  expectClose(outputs.loss, floats("loss_ce"), 1e-5);
  await expectGradients(outputs, `smolvlm-tiny/${name}.grads_ce.safetensors`);
});

test.each(["grpo", "dapo"] as const)("%s: loss and every gradient", async (loss) => {
  const { image, patches, ids } = await referenceCase(cases.grpo.uses_image_and_prompt_of);
  const group = await referenceGroup("smolvlm-tiny", loss);
  const job = imageJob(model, ids("prompt_input_ids"), image, group.targets);
  const outputs = await differentiate(model, views, job, patches, group.objective, group.values);
  expectClose(outputs.loss, group.loss, 1e-5);
  await expectGradients(outputs, `smolvlm-tiny/grpo.grads_${loss}.safetensors`);
});

test("the whole policy scores a prompt and its completion as the reference does", async () => {
  const policy = await LocalPolicy.open(folder, {
    threads: 1,
    optimizer: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, maxGradientNorm: null },
    learningRateFactors: { text: 1, connector: 1, vision: 1 },
    microBatchTokens: 4096,
  });
  for (const name of ["case0", "case1"]) {
    const { floats, ids } = await referenceCase(name);
    const text = cases[name].messages[0].content[1].text;
    const prompt = promptAbout(await readReferenceImage(`smolvlm-tiny/${name}.png`), text);
    const completions = [{ tokens: ids("completion_ids") }];
    for (const weights of ["policy", "reference"] as const) {
      const [scores] = await policy.score([{ prompt, completions }], { weights, temperature: 1 });
      expectClose(scores?.[0], floats("completion_logprobs"), 1e-4);
    }
  }
  await policy[Symbol.asyncDispose]();
});
