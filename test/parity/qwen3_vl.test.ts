import { join } from "node:path";
import { expect, test } from "vitest";
import { slice } from "../../autodiff/operators/index.ts";
import { LocalPolicy } from "../../policy/embedded/local_policy.ts";
import { readModelJson } from "../../policy/model_files.ts";
import { Qwen3Vl } from "../../policy/models/qwen3_vl.ts";
import { parseQwen3VlConfig } from "../../policy/models/qwen3_vl_config.ts";
import { promptAbout } from "../../policy/prompts.ts";
import type { StoredTensor } from "../../policy/weights/safetensors.ts";
import { writeSafetensors } from "../../policy/weights/safetensors_writer.ts";
import { readModelWeights } from "../model_weights.ts";
import { copyTiny, tinyOptions } from "../policy/tiny.ts";
import { readReference, readReferenceImage, readReferenceTensors, referencePath } from "../reference_dir.ts";
import { expectClose, expectGradients } from "./closeness.ts";
import { readViews, referenceCase, testParity } from "./qwen_vl.ts";
import { differentiate, imageJob } from "./update.ts";

const folder = "qwen3_vl-tiny";
const path = referencePath(folder);
const model = new Qwen3Vl(
  parseQwen3VlConfig(
    await readModelJson(`${path}/config.json`),
    await readModelJson(`${path}/generation_config.json`),
  ),
);
const { hiddenSize } = model.config.text;

testParity({
  folder,
  model,
  stages(w, patches, bucket, own) {
    const features = model.vision(w, patches, bucket);
    const rows = own(model.merge(w, features));
    const part = (i: number) => slice(rows, { axis: 1, start: i * hiddenSize, end: (i + 1) * hiddenSize });
    return {
      rows,
      stages: {
        vision_last_hidden_state: own(features.last),
        merger_output: part(0),
        "deepstack_features.0": part(1),
        "deepstack_features.1": part(2),
      },
    };
  },
});

test("with an output head of its own: log-probabilities, greedy tokens, loss and every gradient", async () => {
  await using copy = await copyTiny({ "config.json": { tie_word_embeddings: false } }, path);
  const stored = (await readReferenceTensors(`${folder}/untied.head.safetensors`)).get("lm_head.weight");
  const { shape, data } = stored as StoredTensor;
  const weights = (await readModelWeights(path)).set("lm_head.weight", { shape, data: data as Float32Array });
  await writeSafetensors(join(copy.folder, "model.safetensors"), weights);
  const expected = await readReferenceTensors(`${folder}/untied.safetensors`);
  const floats = (key: string) => expected.get(key)?.data as Float32Array;
  const ids = (key: string) => Int32Array.from(expected.get(key)?.data as BigInt64Array, Number);

  await using policy = await LocalPolicy.open(copy.folder, tinyOptions);
  const text = readReference(`${folder}/cases.json`).case1.messages[0].content[1].text;
  const prompt = promptAbout(await readReferenceImage(`${folder}/case1.image0.png`), text);
  const completion = ids("completion_ids");
  const [scores] = await policy.score([{ prompt, completions: [{ tokens: completion }] }], {
    weights: "policy",
    temperature: 1,
  });
  expectClose(scores?.[0], floats("completion_logprobs"), 1e-4);
  const wanted = ids("greedy_ids");
  const greedy = { groupSize: 1, temperature: 0, topK: 0, topP: 1, maxTokens: wanted.length, seed: 0 };
  expect((await policy.sample([prompt], greedy))[0]?.[0]?.tokens).toEqual(wanted);

  const { images, patches, ids: inputs } = await referenceCase(folder, "case1");
  const [image] = images as [(typeof images)[number]];
  const job = imageJob(policy.model, inputs("prompt_input_ids"), image, [completion]);
  const outputs = await differentiate(
    policy.model,
    await readViews(policy.model, copy.folder),
    job,
    patches,
    { kind: "cross_entropy" },
    { weights: () => new Float32Array(completion.length).fill(1 / completion.length) },
  );
  expectClose(outputs.loss, floats("loss_ce"), 1e-5);
  await expectGradients(outputs, `${folder}/untied.grads_ce.safetensors`);
});
