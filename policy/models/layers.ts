import {
  add,
  geluTanh,
  layerNorm,
  matmul,
  matmulAdd,
  mul,
  reshape,
  rmsNorm,
  silu,
  softmax,
  transpose,
} from "../../autodiff/operators/index.ts";
import type { Tensor } from "../../autodiff/tensor.ts";
import { zip } from "../../common/zip.ts";

/** What LoRA (2106.09685) adds to a linear layer: scale · B A x, with A [rank, in] and B [out, rank]. */
export interface LowRank {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly scale: number;
}

/** A model's parameters as graph tensors. */
export interface Weights {
  /** By the name in the model's files. */
  (name: string): Tensor;
  /** Of a linear layer, by its name there; undefined where it has none. */
  readonly adapter: (layer: string) => LowRank | undefined;
  /** alpha x Wᵀ for x [N, in] and the stored weight [out, in] of each of some linear layers, without adapters and biases. */
  readonly products: (layers: readonly string[], x: Tensor, alpha?: number) => Tensor[];
}

/** x Wᵀ + b for x [N, in] and the stored weight [out, in], with the layer's adapter; the bias is optional. */
export function linear(w: Weights, name: string, x: Tensor, bias = false): Tensor {
  return linears(w, [name], x, bias)[0] as Tensor;
}

/** The same of several layers that read the same rows. */
function linears(w: Weights, names: readonly string[], x: Tensor, bias = false): Tensor[] {
  return zip(names, w.products(names, x)).map(([name, product]) => {
    const adapter = w.adapter(name);
    const y = adapter ? addLowRank(product, adapter, x) : product;
    return bias ? add(y, w(`${name}.bias`)) : y;
  });
}

/** A product with what an adapter adds to it. */
export function addLowRank(product: Tensor, { a, b, scale }: LowRank, x: Tensor): Tensor {
  return matmulAdd(matmul(x, a, { transB: true }), b, product, { transB: true, alpha: scale });
}

/** Patches [N, patchWidth] to [N, D], by the kernel that is stored for a convolution; its bias is optional. */
export function embedPatches(w: Weights, name: string, patches: Tensor, width: number, bias = false): Tensor {
  const kernel = reshape(w(`${name}.weight`), { shape: [width, patches.shape[1] as number] });
  const embedded = matmul(patches, kernel, { transB: true });
  return bias ? add(embedded, w(`${name}.bias`)) : embedded;
}

/** W_down (silu(W_gate x) · W_up x), [N, D], optionally with biases. */
export function swiglu(w: Weights, name: string, x: Tensor, bias = false): Tensor {
  const [gate, up] = linears(w, [`${name}.gate_proj`, `${name}.up_proj`], x, bias) as [Tensor, Tensor];
  return linear(w, `${name}.down_proj`, mul(silu(gate), up), bias);
}

export interface AttentionShape {
  /** Sequences that do not see each other. */
  readonly batch: number;
  readonly length: number;
  readonly heads: number;
}

export interface EncoderShape extends AttentionShape {
  readonly epsilon: number;
}

/** A pre-norm transformer block without a mask, as in SigLIP: x [batch · length, D]. */
export function encoderLayer(w: Weights, name: string, x: Tensor, shape: EncoderShape): Tensor {
  const { epsilon } = shape;
  const norm = (part: string, y: Tensor): Tensor =>
    layerNorm(y, w(`${name}.${part}.weight`), w(`${name}.${part}.bias`), { epsilon });
  const attended = selfAttention(w, `${name}.self_attn`, norm("layer_norm1", x), shape);
  const middle = add(x, attended);
  const hidden = geluTanh(linear(w, `${name}.mlp.fc1`, norm("layer_norm2", middle), true));
  return add(middle, linear(w, `${name}.mlp.fc2`, hidden, true));
}

function selfAttention(w: Weights, name: string, x: Tensor, shape: AttentionShape): Tensor {
  const project = (part: string): Tensor => linear(w, `${name}.${part}`, x, true);
  const rows = attendWithin(project("q_proj"), project("k_proj"), project("v_proj"), shape);
  return linear(w, `${name}.out_proj`, rows, true);
}

/**
 * Attention without order: each sequence's queries, keys and values [batch · length, D] mix within it. `bias`
 * [batch, 1, 1, length] is added to the scores of its keys.
 */
export function attendWithin(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  { batch, length, heads }: AttentionShape,
  bias?: Tensor,
): Tensor {
  const width = q.shape[1] as number;
  const headSize = width / heads;
  const split = (x: Tensor): Tensor =>
    transpose(reshape(x, { shape: [batch, length, heads, headSize] }), { perm: [0, 2, 1, 3] });
  const scores = matmul(split(q), split(k), { transB: true, alpha: headSize ** -0.5 });
  const mixed = matmul(softmax(bias ? add(scores, bias) : scores), split(v), {});
  return reshape(transpose(mixed, { perm: [0, 2, 1, 3] }), { shape: [batch * length, width] });
}

/** Attention of one decoder layer: rotated queries [N, H · d], keys and values [N, Hkv · d] to [N, H · d]. */
export type Attend = (layer: number, q: Tensor, k: Tensor, v: Tensor) => Tensor;

export interface DecoderShape {
  readonly epsilon: number;
  /** Applies the rotary embedding to [N, heads · d]. */
  readonly rotate: (x: Tensor, heads: number) => Tensor;
  readonly heads: number;
  readonly kvHeads: number;
  /** Whether queries, keys and values have biases. */
  readonly attentionBias: boolean;
  /** Whether queries and keys are normalised head by head. */
  readonly headNorms: boolean;
  readonly attend: Attend;
}

/** A Llama block: x [N, D]; which tokens see which is `attend`'s business. */
export function decoderLayer(
  w: Weights,
  name: string,
  layer: number,
  x: Tensor,
  shape: DecoderShape,
): Tensor {
  const { epsilon, rotate, heads, kvHeads, attentionBias, headNorms } = shape;
  const normed = rmsNorm(x, w(`${name}.input_layernorm.weight`), { epsilon });
  const parts = ["q", "k", "v"].map((part) => `${name}.self_attn.${part}_proj`);
  const [q, k, v] = linears(w, parts, normed, attentionBias) as [Tensor, Tensor, Tensor];
  const turn = (part: "q" | "k", y: Tensor, count: number): Tensor => {
    const gamma = `${name}.self_attn.${part}_norm.weight`;
    return rotate(headNorms ? headNorm(y, w(gamma), count, epsilon) : y, count);
  };
  const mixed = shape.attend(layer, turn("q", q, heads), turn("k", k, kvHeads), v);
  const middle = add(x, linear(w, `${name}.self_attn.o_proj`, mixed));
  const rest = rmsNorm(middle, w(`${name}.post_attention_layernorm.weight`), { epsilon });
  return add(middle, swiglu(w, `${name}.mlp`, rest));
}

/** Each head of a row [N, heads · d] by itself, with γ [d]. */
function headNorm(x: Tensor, gamma: Tensor, heads: number, epsilon: number): Tensor {
  const shape = [x.shape[0] as number, heads, gamma.shape[0] as number];
  return reshape(rmsNorm(reshape(x, { shape }), gamma, { epsilon }), { shape: x.shape });
}
