import { add, gather, rmsNorm } from "../../autodiff/operators/index.ts";
import type { Tensor } from "../../autodiff/tensor.ts";
import { decoderLayer, type Weights } from "./layers.ts";
import type { ParameterSpec, TextInputs } from "./vision_language_model.ts";

/** A Llama-like text model. */
export interface DecoderConfig {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocabSize: number;
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
  /** The longest sequence, in tokens. */
  readonly maxPositions: number;
  /** Whether the output head is the embedding. */
  readonly tieEmbeddings: boolean;
}

/** What decoders differ in beside their sizes. */
export interface DecoderVariant {
  /** Its parameters' common prefix in the model's files. */
  readonly name: string;
  /** Whether queries, keys and values have biases. */
  readonly attentionBias: boolean;
  /** Whether queries and keys are normalised head by head. */
  readonly headNorms: boolean;
}

/** The text model of a vision-language model: embeddings, decoder layers, and the output head. */
export class Decoder {
  readonly parameters: readonly ParameterSpec[];
  readonly #config: DecoderConfig;
  readonly #variant: DecoderVariant;

  constructor(config: DecoderConfig, variant: DecoderVariant) {
    this.parameters = parameterSpecs(config, variant);
    this.#config = config;
    this.#variant = variant;
  }

  /** Token embeddings: ids [N] to [N, D]. */
  embed(w: Weights, tokens: Tensor): Tensor {
    return gather(w(`${this.#variant.name}.embed_tokens.weight`), tokens, { unique: false });
  }

  /** Embeddings [N, D] to states [N, D]; `rotate` applies the rotary embedding to [N, heads · headDim]. */
  text(
    w: Weights,
    x: Tensor,
    rotate: (y: Tensor, heads: number) => Tensor,
    { attend, additions = [], starts = [] }: Omit<TextInputs, "positions" | "maxPositions">,
  ): Tensor {
    const { rmsNormEps: epsilon, heads, kvHeads, layers } = this.#config;
    const { name, attentionBias, headNorms } = this.#variant;
    const shape = { epsilon, rotate, heads, kvHeads, attentionBias, headNorms, attend };
    let hidden = x;
    for (let i = 0; i < layers; i++) {
      starts.push(hidden);
      hidden = decoderLayer(w, `${name}.layers.${i}`, i, hidden, shape);
      const addition = additions[i];
      if (addition) hidden = add(hidden, addition);
    }
    return hidden;
  }

  /** Next-token logits [M, V] of states [M, D], divided by a temperature; 0, greedy, counts as 1. */
  logits(w: Weights, hidden: Tensor, temperature: number): Tensor {
    const { rmsNormEps: epsilon, tieEmbeddings } = this.#config;
    const { name } = this.#variant;
    const normed = rmsNorm(hidden, w(`${name}.norm.weight`), { epsilon });
    const head = tieEmbeddings ? `${name}.embed_tokens` : "lm_head";
    return (w.products([head], normed, 1 / (temperature || 1)) as [Tensor])[0];
  }
}

function parameterSpecs(
  config: DecoderConfig,
  { name, attentionBias, headNorms }: DecoderVariant,
): ParameterSpec[] {
  const { hiddenSize: D, intermediateSize: F, headDim } = config;
  const specs: ParameterSpec[] = [];
  const put = (part: string, ...shape: number[]): void => {
    specs.push({ name: part, shape, group: "text" });
  };
  put(`${name}.embed_tokens.weight`, config.vocabSize, D);
  for (let i = 0; i < config.layers; i++) {
    const layer = `${name}.layers.${i}`;
    for (const [part, heads] of [
      ["q", config.heads],
      ["k", config.kvHeads],
      ["v", config.kvHeads],
    ] as const) {
      put(`${layer}.self_attn.${part}_proj.weight`, heads * headDim, D);
      if (attentionBias) put(`${layer}.self_attn.${part}_proj.bias`, heads * headDim);
    }
    put(`${layer}.self_attn.o_proj.weight`, D, config.heads * headDim);
    if (headNorms) for (const part of ["q", "k"]) put(`${layer}.self_attn.${part}_norm.weight`, headDim);
    put(`${layer}.mlp.gate_proj.weight`, F, D);
    put(`${layer}.mlp.up_proj.weight`, F, D);
    put(`${layer}.mlp.down_proj.weight`, D, F);
    put(`${layer}.input_layernorm.weight`, D);
    put(`${layer}.post_attention_layernorm.weight`, D);
  }
  put(`${name}.norm.weight`, D);
  if (!config.tieEmbeddings) put("lm_head.weight", config.vocabSize, D);
  return specs;
}
