import { sizeOf } from "../../autodiff/tensor_type.ts";
import { RandomStream } from "../../common/random.ts";
import type { ParameterSpec } from "../models/vision_language_model.ts";
import { ParameterLayout } from "../weights/parameters.ts";
import type { FloatArray } from "../weights/safetensors_writer.ts";

/** Weights of an untrained SmolVLM whose text model is `hidden` wide and has as many heads for keys as for queries. */
export function initialWeights(
  parameters: readonly ParameterSpec[],
  hidden: number,
  seed: number,
): Map<string, FloatArray> {
  const layout = new ParameterLayout(parameters);
  const flat = new Float32Array(layout.size);
  const stream = new RandomStream(seed);
  for (const spec of layout.specs) initialize(spec, layout.view(flat, spec.name), hidden, stream);
  for (const { name } of layout.specs.filter((spec) => /text_model.*q_proj/.test(spec.name))) {
    const part = (letter: string): Float32Array =>
      layout.view(flat, name.replace("q_proj", `${letter}_proj`));
    startAsRecall(part("q"), part("k"), part("v"), part("o"), hidden);
  }
  return layout.arrays(flat);
}

/**
 * Norms start as the identity, biases at zero, what a block adds to its input at zero, embeddings at 1/√D so that
 * tied logits have unit scale, the connector so that image rows are as large as embeddings; other matrices keep the
 * scale of their input.
 */
function initialize(
  { name, shape }: ParameterSpec,
  values: Float32Array,
  hidden: number,
  stream: RandomStream,
): void {
  if (name.endsWith(".bias") || /o_proj|out_proj|down_proj|fc2/.test(name)) return;
  if (name.includes("norm")) {
    values.fill(1);
    return;
  }
  const table = name.includes("embed_tokens") || name.includes("position_embedding");
  const deviation = (table ? hidden : sizeOf(shape.slice(1))) ** -0.5;
  const gain = name.includes("connector") ? hidden ** -0.5 : 1;
  for (let i = 0; i < values.length; i++) values[i] = stream.normal() * deviation * gain;
}

/** How much of what attention reads is written back at first. */
const recallGain = 0.3;

/**
 * Lets attention begin as recall of what is alike (2305.09828): keys are queries, and what is read is written back
 * as it was. Otherwise a small model needs long to find that a word can point at what it names.
 */
function startAsRecall(
  q: Float32Array,
  k: Float32Array,
  v: Float32Array,
  o: Float32Array,
  hidden: number,
): void {
  k.set(q);
  for (let i = 0; i < hidden; i++)
    for (let j = 0; j < hidden; j++) o[i * hidden + j] = recallGain * (v[j * hidden + i] as number);
}
