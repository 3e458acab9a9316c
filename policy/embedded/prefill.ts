import type { Feeds } from "../../autodiff/onnx/session.ts";
import { groupBy } from "../../common/group_by.ts";
import type { VisionLanguageModel } from "../models/vision_language_model.ts";
import {
  type Branching,
  branchEnds,
  bucket,
  coveringBucket,
  imagePlaces,
  nextPowerOfTwo,
  treeFeeds,
} from "./batch.ts";
import { type BatchShape, prefillGraph } from "./graphs.ts";
import { placedRows } from "./learning_work.ts";
import type { GraphTools } from "./sessions.ts";
import { type PromptTokens, type Shaped, sharedKey } from "./stretch.ts";

const maxQuestionsPerImage = 8;

/** An image that is already encoded. */
export interface EncodedImage extends Shaped {
  readonly id: string;
  /** Its rows, [rows, imageWidth]. */
  readonly rows: Float32Array;
}

/** A prompt whose images are already encoded. */
export type EncodedPrompt = PromptTokens<EncodedImage>;

/** The beginnings of prompts, up to the policy's first turn, that are computed together. */
export interface PrefillBatch {
  readonly shape: BatchShape;
  /** For each prefix the prompts that follow it. */
  readonly prompts: readonly (readonly number[])[];
}

/** Groups prompts by prefix, and prefixes of equal buckets into batches of `maxTokens` padded tokens, or of one prefix. */
export function prefillBatches(
  model: Pick<VisionLanguageModel, "bucket">,
  prompts: readonly Pick<EncodedPrompt, "prefix" | "suffix">[],
  maxTokens: number,
): PrefillBatch[] {
  const byPrefix = groupBy([...prompts.entries()], ([, { prefix }]) => sharedKey(prefix));
  const units = [...byPrefix.values()].flatMap((all) =>
    Array.from({ length: Math.ceil(all.length / maxQuestionsPerImage) }, (_, i) =>
      all.slice(i * maxQuestionsPerImage, (i + 1) * maxQuestionsPerImage),
    ),
  );
  const branchLength = bucket(Math.max(...prompts.map((p) => p.suffix.length)));
  const batches: PrefillBatch[] = [];
  const alike = groupBy(units, ([first]) => {
    const { images } = (first as [number, EncodedPrompt])[1].prefix;
    return JSON.stringify([coveringBucket(model, images), imagePlaces(images.length)]);
  });
  for (const same of alike.values()) {
    const branches = nextPowerOfTwo(Math.max(...same.map((unit) => unit.length)));
    const prefixes = same.map(([first]) => (first as [number, EncodedPrompt])[1].prefix);
    const { images } = prefixes[0] as EncodedPrompt["prefix"];
    const prefixLength = bucket(Math.max(...prefixes.map(({ tokens }) => tokens.length)));
    const perPrefix = prefixLength + branches * branchLength;
    const size = Math.max(1, 2 ** Math.floor(Math.log2(maxTokens / perPrefix)));
    const one = { prefixLength, branches, branchLength, image: coveringBucket(model, images) };
    for (let start = 0; start < same.length; start += size) {
      const chunk = same.slice(start, start + size);
      const shape: BatchShape = {
        ...one,
        prefixes: Math.min(size, nextPowerOfTwo(chunk.length)),
        imagesPerPrefix: imagePlaces(images.length),
      };
      batches.push({ shape, prompts: chunk.map((unit) => unit.map(([place]) => place)) });
    }
  }
  return batches;
}

/** Keys and values of some tokens of a conversation, as a graph gave them. */
export interface PastPart {
  /** Of all tokens of the graph, [2 · layers · N, Hkv · d]. */
  readonly keysValues: Float32Array;
  /** Which of its rows these tokens are, in order. */
  readonly rows: readonly number[];
}

/** What is computed of a conversation. */
export interface Past {
  readonly parts: readonly PastPart[];
  /** Where the next token stands. */
  readonly nextPosition: number;
}

/** A prompt as decoding goes on from it. */
export interface Prefilled {
  readonly past: Past;
  /** Of the token that comes next, [V]. */
  readonly probabilities: Float32Array;
}

/** What a graph that computes the beginnings of prompts is fed of them. */
export function prefillFeeds(
  model: VisionLanguageModel,
  prompts: readonly EncodedPrompt[],
  { shape, prompts: batch }: PrefillBatch,
): Feeds {
  const promptAt = (i: number) => prompts[i] as EncodedPrompt;
  const prefixOf = (questions: readonly number[]) => promptAt(questions[0] as number).prefix;
  const groups = batch.map(
    (questions): Branching => ({
      prefix: prefixOf(questions),
      branches: questions.map((i) => ({ tokens: promptAt(i).suffix, images: [] })),
    }),
  );
  const imageRows = batch.map((questions) => prefixOf(questions).images.map(({ rows }) => rows));
  return {
    ...treeFeeds(model, shape, groups),
    ...placedRows(model, shape, imageRows),
    ends: branchEnds(shape, groups),
  };
}

/** Computes the beginnings of prompts, in the batch's order; `feeds` are the weights and the temperature. */
export async function prefill(
  { model, tensors, sessions }: GraphTools,
  prompts: readonly EncodedPrompt[],
  batch: PrefillBatch,
  feeds: Readonly<Record<string, Float32Array>>,
): Promise<Prefilled[]> {
  const { shape } = batch;
  const session = await sessions.get("prefill", shape, () => prefillGraph(model, tensors, shape));
  const outputs = await session.run({ ...feeds, ...prefillFeeds(model, prompts, batch) });
  const keysValues = outputs.keys_values as Float32Array;
  const probabilities = outputs.probabilities as Float32Array;
  const classes = probabilities.length / (shape.prefixes * shape.branches);
  return batch.prompts.flatMap((questions, p) =>
    questions.map((prompt, b) => {
      const branch = p * shape.branches + b;
      const { prefix, suffix } = prompts[prompt] as EncodedPrompt;
      const own = shape.prefixes * shape.prefixLength + branch * shape.branchLength;
      const rows = [
        ...Array.from(prefix.tokens, (_, t) => p * shape.prefixLength + t),
        ...Array.from(suffix, (_, t) => own + t),
      ];
      const { next } = model.positions(prefix.tokens.length, prefix.images, 0);
      return {
        past: { parts: [{ keysValues, rows }], nextPosition: next + suffix.length },
        probabilities: probabilities.subarray(branch * classes, (branch + 1) * classes),
      };
    }),
  );
}

/** Tokens in a past. */
export function pastLength({ parts }: Past): number {
  return parts.reduce((sum, { rows }) => sum + rows.length, 0);
}
