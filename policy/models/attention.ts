import {
  add,
  concat,
  matmul,
  mul,
  reduceSum,
  reshape,
  scale,
  slice,
  softmax,
  transpose,
} from "../../autodiff/operators/index.ts";
import { constant, type Tensor } from "../../autodiff/tensor.ts";
import type { Attend } from "./layers.ts";

/** A score that a softmax turns into exactly zero, without the NaN that -Infinity makes of a fully masked row. */
export const masked = -1e9;

/** Grouped-query heads: H query heads share kvHeads keys and values, of `headSize` each. */
export interface Heads {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
}

/**
 * Sequences that share beginnings: P prefixes of `prefixLength` tokens, each continued by `branches` branches of
 * `branchLength` tokens. A matrix of tokens [N, …] holds all prefixes first, [P, prefixLength], then all
 * branches, [P, branches, branchLength]; both are padded on the right.
 */
export interface PrefixTree {
  readonly prefixes: number;
  readonly prefixLength: number;
  readonly branches: number;
  readonly branchLength: number;
}

export function tokensIn({ prefixes, prefixLength, branches, branchLength }: PrefixTree): number {
  return prefixes * (prefixLength + branches * branchLength);
}

/**
 * Causal attention over a tree: a prefix sees itself, a branch sees its prefix and itself. Each prefix's keys
 * and values are computed once and read by all of its branches, in the gradient too.
 * `prefixBias` [P, 1, 1, prefixLength] is 0 for a prefix's own tokens and `masked` for its padding.
 */
export function treeAttention(tree: PrefixTree, heads: Heads, prefixBias: Tensor): Attend {
  const { prefixes: P, prefixLength: T } = tree;
  const { heads: H, kvHeads: K, headSize: d } = heads;
  const fold = H / K;
  const alpha = d ** -0.5;
  const boundary = P * T;
  const total = tokensIn(tree);
  const prefixMask = causalMask(T, fold);
  const attendBranches = branchAttention(tree, heads);

  return (_layer, q, k, v) => {
    const prefixKeys = (x: Tensor): Tensor =>
      transpose(reshape(slice(x, { axis: 0, start: 0, end: boundary }), { shape: [P, T, K, d] }), {
        perm: [0, 2, 1, 3],
      });
    const kPrefix = prefixKeys(k);
    const vPrefix = prefixKeys(v);
    const qPrefix = reshape(
      transpose(reshape(slice(q, { axis: 0, start: 0, end: boundary }), { shape: [P, T, K, fold, d] }), {
        perm: [0, 2, 3, 1, 4],
      }),
      { shape: [P, K, fold * T, d] },
    );
    const prefixScores = add(matmul(qPrefix, kPrefix, { transB: true, alpha }), prefixMask);
    const prefixMixed = reshape(matmul(softmax(prefixScores), vPrefix, {}), { shape: [P, K, fold, T, d] });
    const prefixRows = reshape(transpose(prefixMixed, { perm: [0, 3, 1, 2, 4] }), {
      shape: [boundary, H * d],
    });

    const ofBranches = (x: Tensor): Tensor => slice(x, { axis: 0, start: boundary, end: total });
    const past = { keys: kPrefix, values: vPrefix, bias: prefixBias };
    const branchRows = attendBranches(past, ofBranches(q), ofBranches(k), ofBranches(v));
    return concat([prefixRows, branchRows], { axis: 0 });
  };
}

/** Keys and values of what branches continue, [P, K, T, d], and 0 or `masked` for each token, [P, 1, 1, T]. */
interface BranchPast {
  readonly keys: Tensor;
  readonly values: Tensor;
  readonly bias: Tensor;
}

/** Causal attention of branches' rows [P · G · S, …] to what they continue, and to themselves. */
function branchAttention(
  { prefixes: P, prefixLength: T, branches: G, branchLength: S }: PrefixTree,
  { heads: H, kvHeads: K, headSize: d }: Heads,
): (past: BranchPast, q: Tensor, k: Tensor, v: Tensor) => Tensor {
  const fold = H / K;
  const alpha = d ** -0.5;
  const mask = causalMask(S, fold);

  return (past, q, k, v) => {
    const split = (x: Tensor): Tensor =>
      transpose(reshape(x, { shape: [P, G, S, K, d] }), { perm: [0, 3, 1, 2, 4] });
    const kBranch = split(k);
    const vBranch = split(v);
    const qBranch = transpose(reshape(q, { shape: [P, G, S, K, fold, d] }), { perm: [0, 3, 1, 4, 2, 5] });
    const onPast = reshape(qBranch, { shape: [P, K, G * fold * S, d] });
    const onBranch = reshape(qBranch, { shape: [P, K, G, fold * S, d] });
    const far = reshape(add(matmul(onPast, past.keys, { transB: true, alpha }), past.bias), {
      shape: [P, K, G, fold * S, T],
    });
    const near = add(matmul(onBranch, kBranch, { transB: true, alpha }), mask);
    const shares = softmax(concat([far, near], { axis: 4 }));
    const farShares = reshape(slice(shares, { axis: 4, start: 0, end: T }), {
      shape: [P, K, G * fold * S, T],
    });
    const nearShares = slice(shares, { axis: 4, start: T, end: T + S });
    const farMixed = reshape(matmul(farShares, past.values, {}), { shape: [P, K, G, fold, S, d] });
    const nearMixed = reshape(matmul(nearShares, vBranch, {}), { shape: [P, K, G, fold, S, d] });
    return reshape(transpose(add(farMixed, nearMixed), { perm: [0, 2, 4, 1, 3, 5] }), {
      shape: [P * G * S, H * d],
    });
  };
}

/** Causal attention of `length` new tokens of each of some sequences, to themselves and to a past that is known. */
export function extendAttention(
  {
    promptKeys,
    promptValues,
    bias,
  }: Pick<CacheTensors, "promptKeys" | "promptValues"> & { readonly bias: Tensor },
  {
    slots,
    promptLength,
    length,
  }: { readonly slots: number; readonly promptLength: number; readonly length: number },
  heads: Heads,
): Attend {
  const tree = { prefixes: slots, prefixLength: promptLength, branches: 1, branchLength: length };
  const attend = branchAttention(tree, heads);
  return (layer, q, k, v) => attend({ keys: promptKeys(layer), values: promptValues(layer), bias }, q, k, v);
}

/** [fold · length, length]: 0 where a query may look, `masked` where it may not. */
function causalMask(length: number, fold: number): Tensor {
  const data = new Float32Array(fold * length * length);
  for (let row = 0; row < fold * length; row++)
    data.fill(masked, row * length + (row % length) + 1, (row + 1) * length);
  return constant(data, [fold * length, length]);
}

/**
 * Where one new token of each sequence looks while decoding: `slots` prompts with `group` sequences each. Per
 * layer, the prompt's keys and values [slots, K, promptLength, d] are shared by the group; a sequence's own
 * past is [slots, K, group, pastLength, d]. Biases [slots, 1, 1, promptLength] and [slots, 1, 1, 1, pastLength]
 * mask what is not there (yet).
 */
export interface CacheTensors {
  readonly slots: number;
  readonly group: number;
  readonly promptLength: number;
  readonly pastLength: number;
  readonly promptKeys: (layer: number) => Tensor;
  readonly promptValues: (layer: number) => Tensor;
  readonly pastKeys: (layer: number) => Tensor;
  readonly pastValues: (layer: number) => Tensor;
  readonly promptBias: Tensor;
  readonly pastBias: Tensor;
}

/** Attention of one new token per sequence over cached keys: the scores are joined, never the cache. */
export function cachedAttention(cache: CacheTensors, { heads: H, kvHeads: K, headSize: d }: Heads): Attend {
  const { slots: P, group: G, promptLength: T, pastLength: S } = cache;
  const fold = H / K;

  return (layer, q, k, v) => {
    const own = (x: Tensor): Tensor =>
      transpose(reshape(x, { shape: [P, G, K, 1, d] }), { perm: [0, 2, 1, 3, 4] });
    // Not in the products: onnxruntime has a fast way for one row times a matrix, but not with a factor.
    const scaled = scale(q, d ** -0.5);
    const query = transpose(reshape(scaled, { shape: [P, G, K, fold, d] }), { perm: [0, 2, 1, 3, 4] });
    const onPrompt = reshape(query, { shape: [P, K, G * fold, d] });
    const prompt = add(matmul(onPrompt, cache.promptKeys(layer), { transB: true }), cache.promptBias);
    const past = add(matmul(query, cache.pastKeys(layer), { transB: true }), cache.pastBias);
    // Products of one row with one column: cheaper element by element.
    const self = reduceSum(mul(query, own(k)), { axes: [4], keepDims: true });
    const scores = concat([reshape(prompt, { shape: [P, K, G, fold, T] }), past, self], { axis: 4 });
    const shares = softmax(scores);
    const part = (start: number, end: number): Tensor => slice(shares, { axis: 4, start, end });
    const fromPrompt = matmul(
      reshape(part(0, T), { shape: [P, K, G * fold, T] }),
      cache.promptValues(layer),
      {},
    );
    const fromPast = matmul(part(T, T + S), cache.pastValues(layer), {});
    const fromSelf = mul(part(T + S, T + S + 1), own(v));
    const mixed = add(add(reshape(fromPrompt, { shape: [P, K, G, fold, d] }), fromPast), fromSelf);
    return reshape(transpose(mixed, { perm: [0, 2, 1, 3, 4] }), { shape: [P * G, H * d] });
  };
}
