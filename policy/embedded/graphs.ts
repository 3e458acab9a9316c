import {
  bestClass,
  classLogProb,
  concat,
  drawClass,
  expand,
  gather,
  mul,
  pickClass,
  reshape,
  slice,
  softmax,
  zeros,
} from "../../autodiff/operators/index.ts";
import { input, type Tensor } from "../../autodiff/tensor.ts";
import {
  type CacheTensors,
  cachedAttention,
  extendAttention,
  type PrefixTree,
  tokensIn,
  treeAttention,
} from "../models/attention.ts";
import type { Attend, Weights } from "../models/layers.ts";
import type { ImageBucket, TextInputs, VisionLanguageModel } from "../models/vision_language_model.ts";

/** What a graph gives, by name. */
export type Outputs = Record<string, Tensor>;

/** Images to their rows [tiles · rows, imageWidth]. */
export function visionGraph(model: VisionLanguageModel, w: Weights, bucket: ImageBucket): Outputs {
  return { rows: encodeImages(model, w, bucket) };
}

/** What images become, from their `patches` [tiles · patches, patchWidth]. */
export function encodeImages(model: VisionLanguageModel, w: Weights, bucket: ImageBucket): Tensor {
  const patches = input("patches", [bucket.tiles * bucket.patches, model.patchWidth]);
  return model.encode(w, patches, bucket);
}

/** A padded batch: a tree of tokens that show images. */
export interface BatchShape extends PrefixTree {
  /** A place for an image. */
  readonly image: ImageBucket;
  /** Places of each prefix, for its images and its branches'. */
  readonly imagesPerPrefix: number;
}

/** Rows that a place for an image of the bucket has, R. */
export function paddedRows({ tiles, rows }: ImageBucket): number {
  return tiles * rows;
}

/**
 * The text model over a tree; inputs as in `textStates`, and `prefix_bias` [P, 1, 1, prefixLength]. Each layer's keys and
 * values [N, Hkv · d] are added to `cache`.
 */
export function treeStates(
  model: VisionLanguageModel,
  w: Weights,
  shape: BatchShape,
  imageRows: Tensor | null,
  { cache = [], starts = [] }: { readonly cache?: Tensor[]; readonly starts?: Tensor[] } = {},
): Tensor {
  const bias = input("prefix_bias", [shape.prefixes, 1, 1, shape.prefixLength]);
  const attend = keepingKeys(treeAttention(shape, model.heads, bias), cache);
  const maxPositions = shape.prefixLength + shape.branchLength;
  return textStates(model, w, tokensIn(shape), imageRows, { attend, maxPositions, starts });
}

/**
 * The text model over `total` tokens. Inputs: `tokens` [N] and `positions` [axes · N]; where there are image rows,
 * `sources` [N]: which of the embeddings, first all tokens' and then all image rows', is each token's. Those of images are
 * also added after the first layers.
 */
function textStates(
  model: VisionLanguageModel,
  w: Weights,
  total: number,
  imageRows: Tensor | null,
  inputs: Pick<TextInputs, "attend" | "maxPositions" | "starts">,
): Tensor {
  const embedded = model.embed(w, input("tokens", [total], "int64"));
  const positions = input("positions", [model.positionAxes * total], "int64");
  if (imageRows === null) return model.text(w, embedded, { ...inputs, positions });
  const sources = input("sources", [total], "int64");
  const withImages = (x: Tensor, rows: Tensor): Tensor =>
    gather(concat([x, rows], { axis: 0 }), sources, { unique: true });
  const { hiddenSize } = model.config.text;
  const parts = (imageRows.shape[1] as number) / hiddenSize;
  const [embedding, ...features] = columns(imageRows, new Array<number>(parts).fill(hiddenSize));
  const additions = features.map((rows) => withImages(zeros([total, hiddenSize]), rows));
  return model.text(w, withImages(embedded, embedding as Tensor), { ...inputs, positions, additions });
}

/** A matrix cut into matrices of so many columns. */
export function columns(x: Tensor, widths: readonly number[]): Tensor[] {
  let end = 0;
  return widths.map((width) => {
    const start = end;
    end += width;
    return slice(x, { axis: 1, start, end });
  });
}

/** The same attention, which adds each layer's keys and values to `cache`. */
function keepingKeys(attend: Attend, cache: Tensor[]): Attend {
  return (layer, q, k, v) => {
    cache.push(k, v);
    return attend(layer, q, k, v);
  };
}

/** The rows of the images of `prefixes` prefixes where they come ready-made; null where none has a place for one. */
export function readyRows(
  model: VisionLanguageModel,
  prefixes: number,
  { image, imagesPerPrefix }: Pick<BatchShape, "image" | "imagesPerPrefix">,
): Tensor | null {
  const rows = prefixes * imagesPerPrefix * paddedRows(image);
  return rows === 0 ? null : input("image_rows", [rows, model.imageWidth]);
}

/** A batch of which log-probabilities are wanted. */
export interface ScoreShape extends BatchShape {
  /** T, how many of a branch's tokens are predicted; null: all, one more than it holds. */
  readonly predicted: number | null;
}

/** T: a branch holds all tokens of what follows its prefix but the last. */
export function predictedLength({ predicted, branchLength }: ScoreShape): number {
  return predicted ?? branchLength + 1;
}

/**
 * Log-probabilities [P, G, T] of `targets`. What follows a prefix begins with a token that the prefix's last one predicts
 * (`prefix_ends` [P]); each token of a branch predicts the next. Where some are not predicted, `predictors` [P · G · T] are
 * the tokens before those that are, all different, by their rows among [P, G, branchLength + 1].
 */
export function completionLogProbs(
  model: VisionLanguageModel,
  w: Weights,
  shape: ScoreShape,
  states: Tensor,
  temperature: number,
): Tensor {
  const { prefixes: P, prefixLength, branches: G, branchLength: S, predicted } = shape;
  const T = predictedLength(shape);
  const D = model.config.text.hiddenSize;
  const ends = gather(states, input("prefix_ends", [P], "int64"), { unique: true });
  const first = expand(reshape(ends, { shape: [P, 1, 1, D] }), { shape: [P, G, 1, D] });
  const rest = reshape(slice(states, { axis: 0, start: P * prefixLength, end: tokensIn(shape) }), {
    shape: [P, G, S, D],
  });
  const all = reshape(concat([first, rest], { axis: 2 }), { shape: [P * G * (S + 1), D] });
  const wanted = () => input("predictors", [P * G * T], "int64");
  const rows = predicted === null ? all : gather(all, wanted(), { unique: true });
  const targets = input("targets", [P * G * T], "int64");
  const logProbs = classLogProb(model.logits(w, rows, temperature), targets);
  return reshape(logProbs, { shape: [P, G, T] });
}

/** Log-probabilities of given completions: `log_probs` [P, G, T]. */
export function scoreGraph(
  model: VisionLanguageModel,
  w: Weights,
  shape: ScoreShape,
  temperature: number,
): Outputs {
  const states = treeStates(model, w, shape, readyRows(model, shape.prefixes, shape));
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
  const states = treeStates(model, w, shape, readyRows(model, shape.prefixes, shape), { cache });
  const ends = input("ends", [shape.prefixes * shape.branches], "int64");
  const probabilities = nextToken(model, w, gather(states, ends, { unique: true }));
  return { probabilities, keys_values: concat(cache, { axis: 0 }) };
}

/** Conversations that go on, in `slots`: `length` tokens after a past of `promptLength` each. */
export interface ExtendShape extends Pick<BatchShape, "image"> {
  readonly slots: number;
  readonly promptLength: number;
  readonly length: number;
  /** Places for images among each slot's tokens. */
  readonly images: number;
}

/**
 * Conversations' next tokens, of which only these are computed: `prompt_keys_…` and `prompt_values_…` hold the past
 * [slots, K, promptLength, d] of each layer, `prompt_bias` [slots, 1, 1, promptLength] masks what it lacks. Gives the next
 * token's `probabilities` [slots, V] after those that `ends` [slots] names, and the new `keys_values`
 * [2 · layers · slots · length, Hkv · d].
 */
export function extendGraph(model: VisionLanguageModel, w: Weights, shape: ExtendShape): Outputs {
  const { slots, promptLength, length, images, image } = shape;
  const bias = input("prompt_bias", [slots, 1, 1, promptLength]);
  const past = { ...promptTensors(model, slots, promptLength), bias };
  const cache: Tensor[] = [];
  const attend = keepingKeys(extendAttention(past, shape, model.heads), cache);
  const rows = readyRows(model, slots, { image, imagesPerPrefix: images });
  const maxPositions = promptLength + length;
  const states = textStates(model, w, slots * length, rows, { attend, maxPositions });
  const ends = input("ends", [slots], "int64");
  const probabilities = nextToken(model, w, gather(states, ends, { unique: true }));
  return { probabilities, keys_values: concat(cache, { axis: 0 }) };
}

/** Each layer's keys and values of prompts, [slots, K, promptLength, d]. */
function promptTensors(
  { heads: { kvHeads, headSize } }: VisionLanguageModel,
  slots: number,
  promptLength: number,
): Pick<CacheTensors, "promptKeys" | "promptValues"> {
  const part =
    (kind: string) =>
    (layer: number): Tensor =>
      input(`prompt_${kind}_${layer}`, [slots, kvHeads, promptLength, headSize]);
  return { promptKeys: part("keys"), promptValues: part("values") };
}

/**
 * Who chooses the next token: nobody (null), which gives all probabilities; or the graph, which takes the likeliest, or draws by
 * uniform numbers.
 */
export type TokenChoice = "best" | "draw" | null;

/** `slots` prompts with `group` sequences each, beside room for their prompts and their own past. */
export interface DecodeShape {
  readonly slots: number;
  readonly group: number;
  readonly promptLength: number;
  readonly pastLength: number;
}

/**
 * One new token for every sequence: `tokens` [slots · group] and `positions` [axes · slots · group] to the next's
 * `probabilities` [slots · group, V], or `chosen` tokens and their `probabilities` [slots · group], drawn by `shares`
 * [slots · group, 2] as in `drawClass`; and to the new rows of `keys_values` [2 · layers · slots · group, Hkv · d], which the
 * caller adds to the caches that it feeds.
 */
export function decodeGraph(
  model: VisionLanguageModel,
  w: Weights,
  shape: DecodeShape,
  choice: TokenChoice = null,
): Outputs {
  const { slots, group, promptLength, pastLength } = shape;
  const { kvHeads, headSize } = model.heads;
  const rows = slots * group;
  const past =
    (kind: string) =>
    (layer: number): Tensor =>
      input(`past_${kind}_${layer}`, [slots, kvHeads, group, pastLength, headSize]);
  const attend = cachedAttention(
    {
      ...shape,
      ...promptTensors(model, slots, promptLength),
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
  const keys_values = concat(fresh, { axis: 0 });
  const probabilities = nextToken(model, w, states);
  if (choice === null) return { probabilities, keys_values };
  const chosen =
    choice === "best" ? bestClass(probabilities) : drawClass(probabilities, input("shares", [rows, 2]));
  return { chosen, probabilities: pickClass(probabilities, chosen), keys_values };
}
