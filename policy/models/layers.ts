import {
  add,
  geluTanh,
  layerNorm,
  matmul,
  mul,
  reshape,
  rmsNorm,
  silu,
  softmax,
  transpose,
} from "../../autodiff/operators/index.ts";
import type { Tensor } from "../../autodiff/tensor.ts";

/** A parameter as a graph tensor, by its name in the checkpoint. */
export type Weights = (name: string) => Tensor;

/** x Wᵀ + b for x [N, in] and the checkpoint's weight [out, in]; the bias is optional. */
export function linear(w: Weights, name: string, x: Tensor, bias = false): Tensor {
  const y = matmul(x, w(`${name}.weight`), { transB: true });
  return bias ? add(y, w(`${name}.bias`)) : y;
}

/** W_down (silu(W_gate x) · W_up x), [N, D]. */
export function swiglu(w: Weights, name: string, x: Tensor): Tensor {
  const gate = silu(linear(w, `${name}.gate_proj`, x));
  return linear(w, `${name}.down_proj`, mul(gate, linear(w, `${name}.up_proj`, x)));
}

export interface EncoderShape {
  /** Sequences that do not see each other. */
  readonly batch: number;
  readonly length: number;
  readonly heads: number;
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

function selfAttention(w: Weights, name: string, x: Tensor, { batch, length, heads }: EncoderShape): Tensor {
  const width = x.shape[1] as number;
  const headSize = width / heads;
  const split = (part: string): Tensor => {
    const rows = reshape(linear(w, `${name}.${part}`, x, true), { shape: [batch, length, heads, headSize] });
    return transpose(rows, { perm: [0, 2, 1, 3] });
  };
  const scores = matmul(split("q_proj"), split("k_proj"), { transB: true, alpha: headSize ** -0.5 });
  const mixed = matmul(softmax(scores), split("v_proj"), {});
  const rows = reshape(transpose(mixed, { perm: [0, 2, 1, 3] }), { shape: [batch * length, width] });
  return linear(w, `${name}.out_proj`, rows, true);
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
  const { epsilon, rotate, heads, kvHeads, attentionBias } = shape;
  const normed = rmsNorm(x, w(`${name}.input_layernorm.weight`), { epsilon });
  const project = (part: string): Tensor =>
    linear(w, `${name}.self_attn.${part}_proj`, normed, attentionBias);
  const mixed = shape.attend(layer, rotate(project("q"), heads), rotate(project("k"), kvHeads), project("v"));
  const middle = add(x, linear(w, `${name}.self_attn.o_proj`, mixed));
  const rest = rmsNorm(middle, w(`${name}.post_attention_layernorm.weight`), { epsilon });
  return add(middle, swiglu(w, `${name}.mlp`, rest));
}
