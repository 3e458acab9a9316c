import { type ImageShape, sameImageShape } from "../models/vision_language_model.ts";
import { bucket, nextPowerOfTwo } from "./batch.ts";
import type { BatchShape } from "./graphs.ts";

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

/** Groups prompts by image, and images of equal shapes into batches of `maxTokens` padded tokens, or of one image. */
export function prefillBatches(prompts: readonly EncodedPrompt[], maxTokens: number): PrefillBatch[] {
  const byImage = new Map<Float32Array, number[]>();
  prompts.forEach(({ imageRows }, i) => {
    const known = byImage.get(imageRows);
    if (known) known.push(i);
    else byImage.set(imageRows, [i]);
  });
  const units = [...byImage.values()].flatMap((all) =>
    Array.from({ length: Math.ceil(all.length / maxQuestionsPerImage) }, (_, i) =>
      all.slice(i * maxQuestionsPerImage, (i + 1) * maxQuestionsPerImage),
    ),
  );
  const prompt = (i: number): EncodedPrompt => prompts[i] as EncodedPrompt;
  const prefixLength = bucket(Math.max(...prompts.map((p) => p.prefix.length)));
  const branchLength = bucket(Math.max(...prompts.map((p) => p.suffix.length)));
  const batches: PrefillBatch[] = [];
  const shapes = prompts.map((p) => p.image);
  for (const image of shapes.filter((shape, i) => shapes.findIndex((s) => sameImageShape(s, shape)) === i)) {
    const same = units.filter(([first]) => sameImageShape(prompt(first as number).image, image));
    const branches = nextPowerOfTwo(Math.max(...same.map((unit) => unit.length)));
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
