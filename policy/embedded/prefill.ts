import { groupBy } from "../../common/group_by.ts";
import {
  type ImageBucket,
  type ImageShape,
  sameBucket,
  type VisionLanguageModel,
} from "../models/vision_language_model.ts";
import { type Branching, branchEnds, bucket, nextPowerOfTwo, treeFeeds } from "./batch.ts";
import { type BatchShape, paddedRows, prefillGraph } from "./graphs.ts";
import type { GraphTools } from "./sessions.ts";

const maxQuestionsPerImage = 8;

/** A prompt whose image is already encoded. */
export interface EncodedPrompt {
  /** Token ids through the end of the image. */
  readonly prefix: Int32Array;
  /** The rest of the prompt. */
  readonly suffix: Int32Array;
  /** The image's rows, [rows, imageWidth]; equal objects mean equal images. */
  readonly imageRows: Float32Array;
  readonly image: ImageShape;
}

/** Prompts that are computed together before they are sampled from. */
export interface PrefillBatch {
  readonly shape: BatchShape;
  /** For each prefix (image) the prompts that follow it. */
  readonly prompts: readonly (readonly number[])[];
}

/** Groups prompts by image, and images of equal buckets into batches of `maxTokens` padded tokens, or of one image. */
export function prefillBatches(
  model: Pick<VisionLanguageModel, "bucket">,
  prompts: readonly EncodedPrompt[],
  maxTokens: number,
): PrefillBatch[] {
  const places = [...prompts.keys()];
  const byImage = groupBy(places, (place) => prompts[place]?.imageRows);
  const units = [...byImage.values()].flatMap((all) =>
    Array.from({ length: Math.ceil(all.length / maxQuestionsPerImage) }, (_, i) =>
      all.slice(i * maxQuestionsPerImage, (i + 1) * maxQuestionsPerImage),
    ),
  );
  const branchLength = bucket(Math.max(...prompts.map((p) => p.suffix.length)));
  const batches: PrefillBatch[] = [];
  const buckets = prompts.map((p) => model.bucket(p.image));
  for (const image of buckets.filter((bucket, i) => buckets.findIndex((b) => sameBucket(b, bucket)) === i)) {
    const same = units.filter(([first]) => sameBucket(buckets[first as number] as ImageBucket, image));
    const branches = nextPowerOfTwo(Math.max(...same.map((unit) => unit.length)));
    const lengths = same.flat().map((i) => (prompts[i] as EncodedPrompt).prefix.length);
    const prefixLength = bucket(Math.max(...lengths));
    const perPrefix = prefixLength + branches * branchLength;
    const size = Math.max(1, 2 ** Math.floor(Math.log2(maxTokens / perPrefix)));
    for (let start = 0; start < same.length; start += size) {
      const chunk = same.slice(start, start + size);
      const prefixes = Math.min(size, nextPowerOfTwo(chunk.length));
      batches.push({ shape: { prefixes, prefixLength, branches, branchLength, image }, prompts: chunk });
    }
  }
  return batches;
}

/** A prompt as decoding goes on from it. */
export interface Prefilled {
  readonly prompt: number;
  /** Which of `keysValues` are the prompt's, token by token. */
  readonly rows: readonly number[];
  /** Where the first token after the prompt stands. */
  readonly nextPosition: number;
  /** Of the whole batch. */
  readonly keysValues: Float32Array;
  /** Of the token that comes next, [V]. */
  readonly probabilities: Float32Array;
}

/** Computes a batch of prompts; `feeds` are the weights and the temperature. */
export async function prefill(
  { model, tensors, sessions }: GraphTools,
  prompts: readonly EncodedPrompt[],
  { shape, prompts: batch }: PrefillBatch,
  feeds: Readonly<Record<string, Float32Array>>,
): Promise<Prefilled[]> {
  const promptAt = (i: number) => prompts[i] as EncodedPrompt;
  const groups = batch.map(
    (questions): Branching => ({
      ...promptAt(questions[0] as number),
      branches: questions.map((i) => promptAt(i).suffix),
    }),
  );
  const perPrefix = paddedRows(shape.image) * model.imageWidth;
  const imageRows = new Float32Array(shape.prefixes * perPrefix);
  batch.forEach((questions, p) => {
    imageRows.set(promptAt(questions[0] as number).imageRows, p * perPrefix);
  });
  const session = await sessions.get("prefill", shape, () => prefillGraph(model, tensors, shape));
  const outputs = await session.run({
    ...feeds,
    ...treeFeeds(model, shape, groups),
    image_rows: imageRows,
    ends: branchEnds(shape, groups),
  });
  const keysValues = outputs.keys_values as Float32Array;
  const probabilities = outputs.probabilities as Float32Array;
  const classes = probabilities.length / (shape.prefixes * shape.branches);
  return batch.flatMap((questions, p) =>
    questions.map((prompt, b) => {
      const branch = p * shape.branches + b;
      const { prefix, suffix, image } = promptAt(prompt);
      const own = shape.prefixes * shape.prefixLength + branch * shape.branchLength;
      const rows = [
        ...Array.from(prefix, (_, t) => p * shape.prefixLength + t),
        ...Array.from(suffix, (_, t) => own + t),
      ];
      return {
        prompt,
        rows,
        nextPosition: model.positions(prefix, [image]).next + suffix.length,
        keysValues,
        probabilities: probabilities.subarray(branch * classes, (branch + 1) * classes),
      };
    }),
  );
}
