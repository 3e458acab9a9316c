import { Session } from "../../autodiff/onnx/session.ts";
import { bucket } from "../../policy/embedded/batch.ts";
import { imageFeeds } from "../../policy/embedded/image_feeds.ts";
import { microBatchFeeds, type TreeJob, tokenValues } from "../../policy/embedded/micro_batch.ts";
import type { Shaped } from "../../policy/embedded/stretch.ts";
import { type Objective, updateGraph } from "../../policy/embedded/update_graph.ts";
import type { ImageShape, VisionLanguageModel } from "../../policy/models/vision_language_model.ts";
import { tokenWeights } from "../../policy/token_weights.ts";
import { parameterTensors } from "../../policy/weights/parameter_tensors.ts";
import type { StoredTensor } from "../../policy/weights/safetensors.ts";
import { readReference, readReferenceTensors } from "../reference_dir.ts";

/** A prompt about one image, and what follows it. */
export function imageJob(
  model: VisionLanguageModel,
  prompt: Int32Array,
  shape: ImageShape,
  targets: readonly Int32Array[],
): TreeJob {
  const start = prompt.indexOf(model.config.imageTokenId);
  return {
    prefix: { tokens: prompt, images: [{ shape, start }] },
    targets: targets.map((tokens) => ({ tokens, images: [], sampled: null })),
  };
}

/** What a loss reads: arrays in the graph's shape, or each branch's values. */
type LossFeeds = Readonly<Record<string, Float32Array | ((branch: number) => Float32Array)>>;

/** Loss, log-probabilities and all gradients of one padded micro-batch of the given job. */
export async function differentiate(
  model: VisionLanguageModel,
  views: Readonly<Record<string, Float32Array>>,
  job: TreeJob,
  patches: Float32Array,
  objective: Objective,
  values: LossFeeds,
): Promise<Record<string, Float32Array>> {
  const longest = Math.max(...job.targets.map(({ tokens }) => tokens.length));
  const image = (job.prefix.images[0] as Shaped).shape;
  const shape = {
    prefixes: 1,
    prefixLength: bucket(job.prefix.tokens.length),
    branches: job.targets.length,
    branchLength: bucket(longest) - 1,
    image: model.bucket(image),
    imagesPerPrefix: 1,
    images: 1,
    predicted: null,
  };
  const names = model.parameters.map(({ name }) => name);
  const tensors = parameterTensors(model.parameters);
  const graph = updateGraph(model, tensors, shape, objective, names);
  await using session = await Session.compile(graph, { threads: 1 });
  const batch = { shape, jobs: [0], firstBranch: 0 };
  const feeds = Object.fromEntries(
    Object.entries(values).map(([key, value]) => [
      key,
      typeof value === "function" ? tokenValues(batch, (_, b) => value(b)) : value,
    ]),
  );
  const tree = microBatchFeeds(model, batch, [job]);
  const pictures = imageFeeds(model, [{ shape: image, patches }], shape.image);
  return await session.run({ ...views, ...tree, ...pictures, select: Float32Array.of(1), ...feeds });
}

/** The group of completions in a model's grpo.safetensors, and the loss that it has. */
export async function referenceGroup(
  model: string,
  loss: "grpo" | "dapo",
): Promise<{ targets: Int32Array[]; objective: Objective; values: LossFeeds; loss: Float32Array }> {
  const { hyperparameters } = readReference(`${model}/cases.json`).grpo;
  const tensors = await readReferenceTensors(`${model}/grpo.safetensors`);
  const group = tensors.get("completion_ids") as StoredTensor;
  const [rows, length] = group.shape as [number, number];
  const data = (key: string) => (tensors.get(key) as StoredTensor).data;
  const mask = data("completion_mask") as BigInt64Array;
  const lengths = Array.from(
    { length: rows },
    (_, b) => mask.subarray(b * length, (b + 1) * length).filter((m) => m === 1n).length,
  );
  const row = (key: string, b: number): Float32Array =>
    (data(key) as Float32Array).subarray(b * length, b * length + (lengths[b] as number));
  const tokens = Int32Array.from(group.data as BigInt64Array, Number);
  const perToken = tokenWeights(loss, lengths, length);
  return {
    targets: lengths.map((n, b) => tokens.subarray(b * length, b * length + n)),
    objective: {
      kind: "grpo",
      loss,
      clipLow: hyperparameters.epsilon_low,
      clipHigh: hyperparameters.epsilon_high,
      beta: hyperparameters.beta,
      importanceCap: null,
      temperature: 1,
      tokenAdvantages: false,
    },
    values: {
      weights: (b) => new Float32Array(lengths[b] as number).fill(perToken[b] as number),
      old_log_probs: (b) => row("old_logps", b),
      reference_log_probs: (b) => row("ref_logps", b),
      advantages: data("advantages") as Float32Array,
    },
    loss: data(`loss_${loss}`) as Float32Array,
  };
}
