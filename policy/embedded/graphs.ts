import { gradient } from "../../autodiff/gradient.ts";
import {
  classLogProb,
  concat,
  expand,
  gather,
  matmul,
  mul,
  reshape,
  slice,
  softmax,
  zeros,
} from "../../autodiff/operators/index.ts";
import { input, type Tensor } from "../../autodiff/tensor.ts";
import { zip } from "../../common/zip.ts";
import { cachedAttention, type PrefixTree, tokensIn, treeAttention } from "../models/attention.ts";
import type { Attend, Weights } from "../models/layers.ts";
import type { ImageBucket, VisionLanguageModel } from "../models/vision_language_model.ts";
import type { UpdateOptions } from "../port.ts";
import { crossEntropy, grpoLoss, type LossOptions } from "./loss.ts";

type Outputs = Record<string, Tensor>;

/** Images to their rows [tiles · rows, imageWidth]. */
export function visionGraph(model: VisionLanguageModel, w: Weights, bucket: ImageBucket): Outputs {
  return { rows: encodeImages(model, w, bucket) };
}

/** What images become, from their `patches` [tiles · patches, patchWidth]. */
export function encodeImages(model: VisionLanguageModel, w: Weights, bucket: ImageBucket): Tensor {
  const patches = input("patches", [bucket.tiles * bucket.patches, model.patchWidth]);
  return model.encode(w, patches, bucket);
}

/** A padded batch: a tree of tokens, whose prefixes each hold one image of the given bucket, R rows. */
export interface BatchShape extends PrefixTree {
  readonly image: ImageBucket;
}

/** Rows that an image of the bucket becomes, with padding. */
export function paddedRows({ tiles, rows }: ImageBucket): number {
  return tiles * rows;
}

/**
 * The text model over a tree. Inputs: `tokens` [N] and `positions` [axes · N]; `sources` [N], which of the embeddings,
 * first all tokens' and then all image rows' [P · R], is each token's: those of images are also added after the first
 * layers; `prefix_bias` [P, 1, 1, prefixLength]. Each layer's keys and values [N, Hkv · d] are added to `cache`.
 */
export function treeStates(
  model: VisionLanguageModel,
  w: Weights,
  shape: BatchShape,
  imageRows: Tensor,
  { cache = [], starts = [] }: { readonly cache?: Tensor[]; readonly starts?: Tensor[] } = {},
): Tensor {
  const total = tokensIn(shape);
  const tokens = input("tokens", [total], "int64");
  const positions = input("positions", [model.positionAxes * total], "int64");
  const sources = input("sources", [total], "int64");
  const withImages = (x: Tensor, rows: Tensor): Tensor =>
    gather(concat([x, rows], { axis: 0 }), sources, { unique: true });
  const bias = input("prefix_bias", [shape.prefixes, 1, 1, shape.prefixLength]);
  const attend = keepingKeys(treeAttention(shape, model.heads, bias), cache);
  const { hiddenSize } = model.config.text;
  const [embedding, ...features] = columns(imageRows, hiddenSize);
  const embedded = withImages(model.embed(w, tokens), embedding as Tensor);
  const additions = features.map((rows) => withImages(zeros([total, hiddenSize]), rows));
  const maxPositions = shape.prefixLength + shape.branchLength;
  return model.text(w, embedded, { positions, maxPositions, attend, additions, starts });
}

/** A matrix cut into matrices of `width` columns. */
function columns(x: Tensor, width: number): Tensor[] {
  const count = (x.shape[1] as number) / width;
  return Array.from({ length: count }, (_, i) =>
    slice(x, { axis: 1, start: i * width, end: (i + 1) * width }),
  );
}

/** The same attention, which adds each layer's keys and values to `cache`. */
function keepingKeys(attend: Attend, cache: Tensor[]): Attend {
  return (layer, q, k, v) => {
    cache.push(k, v);
    return attend(layer, q, k, v);
  };
}

/** The prefixes' image rows where they come ready-made: [P · R, imageWidth]. */
function readyRows(model: VisionLanguageModel, { prefixes, image }: BatchShape): Tensor {
  return input("image_rows", [prefixes * paddedRows(image), model.imageWidth]);
}

/**
 * Log-probabilities [P, G, T] of `targets` where branches hold all tokens of a completion but the last, so
 * that T = branchLength + 1: the first is predicted by the prefix's last token (`prefix_ends` [P]).
 */
function completionLogProbs(
  model: VisionLanguageModel,
  w: Weights,
  shape: BatchShape,
  states: Tensor,
  temperature: number,
): Tensor {
  const { prefixes: P, prefixLength, branches: G, branchLength: S } = shape;
  const D = model.config.text.hiddenSize;
  const ends = gather(states, input("prefix_ends", [P], "int64"), { unique: true });
  const first = expand(reshape(ends, { shape: [P, 1, 1, D] }), { shape: [P, G, 1, D] });
  const rest = reshape(slice(states, { axis: 0, start: P * prefixLength, end: tokensIn(shape) }), {
    shape: [P, G, S, D],
  });
  const rows = reshape(concat([first, rest], { axis: 2 }), { shape: [P * G * (S + 1), D] });
  const targets = input("targets", [P * G * (S + 1)], "int64");
  const logProbs = classLogProb(model.logits(w, rows, temperature), targets);
  return reshape(logProbs, { shape: [P, G, S + 1] });
}

/** Log-probabilities of given completions: `log_probs` [P, G, branchLength + 1]. */
export function scoreGraph(
  model: VisionLanguageModel,
  w: Weights,
  shape: BatchShape,
  temperature: number,
): Outputs {
  const states = treeStates(model, w, shape, readyRows(model, shape));
  return { log_probs: completionLogProbs(model, w, shape, states, temperature) };
}

/** Probabilities [N, V] of the token after each state [N, D], at the temperature whose inverse is fed. */
function nextToken(model: VisionLanguageModel, w: Weights, states: Tensor): Tensor {
  return softmax(mul(model.logits(w, states), input("inverse_temperature", [1])));
}

/**
 * Prompts before sampling: a prefix is an image's part, its branches are the questions about it. Gives the next token's
 * `probabilities` after each branch (`ends` [P · branches] names their last tokens) and all layers' `keys_values`
 * [2 · layers · N, Hkv · d]: the first layer's keys, its values, the second's keys …
 */
export function prefillGraph(model: VisionLanguageModel, w: Weights, shape: BatchShape): Outputs {
  const cache: Tensor[] = [];
  const states = treeStates(model, w, shape, readyRows(model, shape), { cache });
  const ends = input("ends", [shape.prefixes * shape.branches], "int64");
  const probabilities = nextToken(model, w, gather(states, ends, { unique: true }));
  return { probabilities, keys_values: concat(cache, { axis: 0 }) };
}

/** `slots` prompts with `group` sequences each, beside room for their prompts and their own past. */
export interface DecodeShape {
  readonly slots: number;
  readonly group: number;
  readonly promptLength: number;
  readonly pastLength: number;
}

/**
 * One new token for every sequence: `tokens` [slots · group] and `positions` [axes · slots · group] to the next's
 * `probabilities` [slots · group, V] and the new rows of `keys_values` [2 · layers · slots · group, Hkv · d], which the
 * caller adds to the caches that it feeds.
 */
export function decodeGraph(model: VisionLanguageModel, w: Weights, shape: DecodeShape): Outputs {
  const { slots, group, promptLength, pastLength } = shape;
  const { kvHeads, headSize } = model.heads;
  const rows = slots * group;
  const prompt =
    (kind: string) =>
    (layer: number): Tensor =>
      input(`prompt_${kind}_${layer}`, [slots, kvHeads, promptLength, headSize]);
  const past =
    (kind: string) =>
    (layer: number): Tensor =>
      input(`past_${kind}_${layer}`, [slots, kvHeads, group, pastLength, headSize]);
  const attend = cachedAttention(
    {
      ...shape,
      promptKeys: prompt("keys"),
      promptValues: prompt("values"),
      pastKeys: past("keys"),
      pastValues: past("values"),
      promptBias: input("prompt_bias", [slots, 1, 1, promptLength]),
      pastBias: input("past_bias", [slots, 1, 1, 1, pastLength]),
    },
    model.heads,
  );
  const fresh: Tensor[] = [];
  const embedded = model.embed(w, input("tokens", [rows], "int64"));
  const positions = input("positions", [model.positionAxes * rows], "int64");
  const maxPositions = promptLength + pastLength + 1;
  const states = model.text(w, embedded, { positions, maxPositions, attend: keepingKeys(attend, fresh) });
  return { probabilities: nextToken(model, w, states), keys_values: concat(fresh, { axis: 0 }) };
}

/** What an update minimises: GRPO, or cross-entropy of given completions. */
export type Objective =
  | { readonly kind: "cross_entropy" }
  | ({ readonly kind: "grpo" } & LossOptions & Pick<UpdateOptions, "temperature">);

/** What an update differentiates: a micro-batch, whose prefixes show `images` different images. */
export interface UpdateShape extends BatchShape {
  /** Null where neither vision tower nor connector is trained: the image rows come ready-made. */
  readonly images: number | null;
  /** Whether the text model's layers are computed again in the backward pass instead of being kept (default false). */
  readonly recomputes?: boolean;
}

/**
 * Forward and backward of one micro-batch. `select` [P, images] picks each prefix's image, so that an image
 * shared by several prefixes goes through the vision tower once. Gives the loss, its statistics, and the
 * gradient of each trainable parameter under `d:` and its name.
 */
export function updateGraph(
  model: VisionLanguageModel,
  w: Weights,
  shape: UpdateShape,
  objective: Objective,
  trainable: readonly string[],
): Outputs {
  const { prefixes: P, branches: G, branchLength: S, images } = shape;
  const rows = images === null ? readyRows(model, shape) : encodedRows(model, w, shape, images);
  const starts: Tensor[] = [];
  const states = treeStates(model, w, shape, rows, { starts });
  const temperature = objective.kind === "grpo" ? objective.temperature : 1;
  const logProbs = completionLogProbs(model, w, shape, states, temperature);
  const weights = input("weights", [P, G, S + 1]);

  const outputs: Outputs =
    objective.kind === "cross_entropy"
      ? { loss: crossEntropy(logProbs, weights) }
      : {
          ...grpoLoss(
            {
              logProbs,
              oldLogProbs: input("old_log_probs", [P, G, S + 1]),
              referenceLogProbs: objective.beta === 0 ? null : input("reference_log_probs", [P, G, S + 1]),
              advantages: input("advantages", [P, G]),
              weights,
            },
            objective,
          ),
        };
  const kept = shape.recomputes ? starts : [];
  return { ...outputs, ...gradientOutputs(outputs.loss as Tensor, w, trainable, kept) };
}

/** The prefixes' image rows [P · R, imageWidth] from the patches of their different images. */
function encodedRows(model: VisionLanguageModel, w: Weights, shape: BatchShape, images: number): Tensor {
  const { prefixes: P, image } = shape;
  const { imageWidth } = model;
  const perImage = paddedRows(image);
  const all = { ...image, tiles: images * image.tiles };
  const rows = reshape(encodeImages(model, w, all), { shape: [images, perImage * imageWidth] });
  const picked = matmul(input("select", [P, images]), rows, {});
  return reshape(picked, { shape: [P * perImage, imageWidth] });
}

/** The gradient of each parameter, under `d:` and its name; what lies between those that are kept is computed again. */
export function gradientOutputs(
  loss: Tensor,
  w: Weights,
  names: readonly string[],
  kept: readonly Tensor[] = [],
): Outputs {
  const gradients = gradient(loss, names.map(w), kept);
  return Object.fromEntries(zip(names, gradients).map(([name, tensor]) => [`d:${name}`, tensor]));
}
