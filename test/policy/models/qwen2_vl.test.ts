import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sizeOf } from "../../../autodiff/tensor_type.ts";
import { LocalPolicy } from "../../../policy/embedded/local_policy.ts";
import { readModelJson } from "../../../policy/model_files.ts";
import { Qwen25Vl } from "../../../policy/models/qwen2_5_vl.ts";
import { parseQwen25VlConfig } from "../../../policy/models/qwen2_5_vl_config.ts";
import { promptAbout } from "../../../policy/prompts.ts";
import { locateModelWeights } from "../../../policy/weights/model_weights.ts";
import { ParameterLayout } from "../../../policy/weights/parameters.ts";
import { writeSafetensors } from "../../../policy/weights/safetensors_writer.ts";
import { expectClose } from "../../parity/closeness.ts";
import {
  readReference,
  readReferenceImage,
  readReferenceTensors,
  referencePath,
} from "../../reference_dir.ts";
import { copyTiny, tinyOptions } from "../tiny.ts";

const source = "qwen2_5_vl-tiny";
const { text_config, ...config } = readReference(`${source}/config.json`);

/** A Qwen2-VL with the tokenizer, the processor and the text model's sizes of the tiny Qwen2.5-VL. */
const changes = {
  ...config,
  model_type: "qwen2_vl",
  tie_word_embeddings: false,
  text_config: { ...text_config, model_type: "qwen2_vl_text" },
  vision_config: { depth: 2, embed_dim: 32, hidden_size: 64, mlp_ratio: 3, num_heads: 2 },
};

let copy: Awaited<ReturnType<typeof copyTiny>>;
beforeAll(async () => {
  copy = await copyTiny({ "config.json": changes }, referencePath(source));
  const { parameters } = new Qwen25Vl(
    parseQwen25VlConfig(await readModelJson(join(copy.folder, "config.json"))),
  );
  const sorted = parameters.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const tensors = sorted.map(
    ({ name, shape }, k) => [name, { shape, data: weights(name, shape, k) }] as const,
  );
  await writeSafetensors(join(copy.folder, "model.safetensors"), new Map(tensors));
});
afterAll(() => copy[Symbol.asyncDispose]());

/** The k-th tensor by name: sines that give matrices the scale of their input, biases 0.2, and norms 1 ± 0.3. */
function weights(name: string, shape: readonly number[], k: number): Float32Array {
  const inputs = sizeOf(shape.slice(1));
  const scale = shape.length > 1 ? 1.5 * inputs ** -0.5 : name.endsWith("bias") ? 0.2 : 0.3;
  const mean = shape.length > 1 || name.endsWith("bias") ? 0 : 1;
  return Float32Array.from(
    { length: sizeOf(shape) },
    (_, i) => mean + scale * Math.sin(0.7 * (k + 1) * (i + 1)),
  );
}

/** A prompt and its completion. */
async function lesson() {
  const { messages } = readReference(`${source}/cases.json`).case1;
  const stored = (await readReferenceTensors(`${source}/case1.safetensors`)).get("completion_ids");
  return {
    prompt: promptAbout(
      await readReferenceImage(`${source}/case1.image0.png`),
      messages[0].content[1].text as string,
    ),
    completion: Int32Array.from(stored?.data as BigInt64Array, Number),
  };
}

// By transformers 5.23.0 with the same weights: Qwen2VLForConditionalGeneration, float32, eager attention.
const logProbs = [
  -6.497514724731445, -5.569281101226807, -6.519770622253418, -5.3730316162109375, -5.222853660583496,
  -5.85636568069458, -7.330236434936523, -7.256371021270752, -5.147303581237793, -5.0390167236328125,
  -5.882126808166504,
];
const loss = 5.972169876098633;
const gradientNorms = { text: 17.57725, connector: 2.176601, vision: 3.042671 };

test("scores and gradients are those of transformers", async () => {
  await using policy = await LocalPolicy.open(copy.folder, tinyOptions);
  const { prompt, completion } = await lesson();
  const asked = [{ prompt, completions: [{ tokens: completion }] }];
  const [scores] = await policy.score(asked, { weights: "policy", temperature: 1 });
  expectClose(scores?.[0], Float32Array.from(logProbs), 1e-4);

  const report = await policy.supervise([{ prompt, completion }], { learningRate: 1e-3 });
  expect(report.loss).toBeCloseTo(loss, 5);
  const { firstMoment } = policy.learner.optimizer.state;
  const layout = new ParameterLayout(policy.model.parameters);
  for (const [group, { start, end }] of layout.groups) {
    const gradient = firstMoment.subarray(start, end).map((m) => m / (1 - tinyOptions.optimizer.beta1));
    const norm = Math.sqrt(gradient.reduce((sum, x) => sum + x * x, 0));
    expect(Math.abs(norm / gradientNorms[group] - 1), group).toBeLessThan(2e-4);
  }
});

test("a saved folder has the names of published checkpoints", async () => {
  await using policy = await LocalPolicy.open(copy.folder, tinyOptions);
  const saved = join(copy.folder, "saved");
  await policy.save(saved);
  const namesIn = async (path: string) => [...(await locateModelWeights(path)).keys()];
  const names = await namesIn(saved);
  expect(names).toEqual(expect.arrayContaining(["visual.blocks.1.mlp.fc1.bias", "visual.merger.ln_q.bias"]));
  expect(names.sort()).toEqual((await namesIn(copy.folder)).sort());
});
