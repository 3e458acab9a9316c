import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { LocalPolicy } from "../../../policy/embedded/local_policy.ts";
import { readModelFolder } from "../../../policy/embedded/registry.ts";
import { locateModelWeights } from "../../../policy/weights/model_weights.ts";
import { readSafetensors } from "../../../policy/weights/safetensors.ts";
import { writeSafetensors } from "../../../policy/weights/safetensors_writer.ts";
import { readModelWeights } from "../../model_weights.ts";
import { copyTiny, openTiny, questions, tinyOptions } from "../tiny.ts";

const embedding = "model.text_model.embed_tokens.weight";
const head = "lm_head.weight";

/** The tiny model with a configuration that ties its head, whose own is as `stored` says, and absent where that is null. */
async function tied(stored: (own: Float32Array, table: Float32Array) => Float32Array | null) {
  const copy = await copyTiny({ "config.json": { tie_word_embeddings: true } });
  const weights = await readModelWeights(copy.folder);
  const [own, table] = [weights.get(head), weights.get(embedding)];
  if (!own || !table) throw new Error("the tiny model has a head of its own");
  const data = stored(own.data, table.data);
  weights.delete(head);
  if (data) weights.set(head, { ...own, data });
  await writeSafetensors(join(copy.folder, "model.safetensors"), weights);
  return copy;
}

async function logProbs(policy: LocalPolicy): Promise<Float32Array[]> {
  const groups = questions(2).map((prompt) => ({
    prompt,
    completions: [{ tokens: Int32Array.of(5, 6, 7) }],
  }));
  return (await policy.score(groups, { weights: "policy", temperature: 1 })).flat();
}

describe("a model whose configuration ties the head to the embedding", () => {
  test("ignores a stored head that is equal, in training and in what it saves", async () => {
    await using copy = await tied((_, table) => table);
    await using alone = await tied(() => null);
    await using policy = await LocalPolicy.open(copy.folder, tinyOptions);
    await using same = await LocalPolicy.open(alone.folder, tinyOptions);
    expect(await logProbs(policy)).toEqual(await logProbs(same));
    expect(policy.weights.layout.has(head)).toBe(false);
    expect((await readModelFolder(copy.folder)).notes).toEqual([]);
    const saved = join(copy.folder, "saved");
    await policy.save(saved);
    expect((await locateModelWeights(saved)).has(head)).toBe(false);
  });

  test("uses a stored head that differs, as transformers does, and says so", async () => {
    await using copy = await tied((own) => own);
    await using policy = await LocalPolicy.open(copy.folder, tinyOptions);
    await using untied = await openTiny();
    expect(await logProbs(policy)).toEqual(await logProbs(untied));
    expect((await readModelFolder(copy.folder)).notes).toEqual([expect.stringMatching(/head that differs/)]);
    const saved = join(copy.folder, "saved");
    await policy.save(saved);
    expect((await readSafetensors(join(saved, "model.safetensors"))).has(head)).toBe(true);
  });
});
