import {
  add,
  gather,
  layerNorm,
  matmul,
  reshape,
  rmsNorm,
  rotary,
  transpose,
} from "../../autodiff/operators/index.ts";
import { integers, type Tensor } from "../../autodiff/tensor.ts";
import type { Heads } from "./attention.ts";
import type { Idefics3Config } from "./idefics3_config.ts";
import { type Attend, decoderLayer, encoderLayer, linear, type Weights } from "./layers.ts";

/** Parameters that share a learning rate. */
export type ParameterGroup = "text" | "connector" | "vision";

export interface ParameterSpec {
  /** The name in the checkpoint. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly group: ParameterGroup;
}

const visionName = "model.vision_model";
const connectorName = "model.connector.modality_projection.proj";
const textName = "model.text_model";

/**
 * The Idefics3 / SmolVLM architecture as functions from parameters and inputs to graph tensors. The same
 * functions make the graphs for sampling, scoring and updating; only the attention between tokens differs.
 */
export class SmolVlm {
  readonly config: Idefics3Config;
  readonly parameters: readonly ParameterSpec[];
  readonly heads: Heads;
  /** Rows of text embeddings that one tile becomes. */
  readonly rowsPerTile: number;
  readonly patchesPerTile: number;
  readonly patchWidth: number;

  constructor(config: Idefics3Config) {
    const { text, vision, scaleFactor } = config;
    this.config = config;
    this.parameters = parameterSpecs(config);
    this.heads = { heads: text.heads, kvHeads: text.kvHeads, headSize: text.headDim };
    this.patchesPerTile = (vision.imageSize / vision.patchSize) ** 2;
    this.rowsPerTile = this.patchesPerTile / scaleFactor ** 2;
    this.patchWidth = 3 * vision.patchSize ** 2;
  }

  /** The vision tower: patches [tiles · patchesPerTile, patchWidth] to [tiles · patchesPerTile, vision hidden]. */
  vision(w: Weights, patches: Tensor): Tensor {
    const { vision } = this.config;
    const name = `${visionName}.embeddings`;
    const tiles = (patches.shape[0] as number) / this.patchesPerTile;
    const kernel = reshape(w(`${name}.patch_embedding.weight`), {
      shape: [vision.hiddenSize, this.patchWidth],
    });
    const embedded = add(matmul(patches, kernel, { transB: true }), w(`${name}.patch_embedding.bias`));
    const places = this.#positions(w(`${name}.position_embedding.weight`));
    const grid = { shape: [tiles, this.patchesPerTile, vision.hiddenSize] };
    let x = reshape(add(reshape(embedded, grid), places), { shape: embedded.shape });
    const shape = {
      batch: tiles,
      length: this.patchesPerTile,
      heads: vision.heads,
      epsilon: vision.layerNormEps,
    };
    for (let i = 0; i < vision.layers; i++)
      x = encoderLayer(w, `${visionName}.encoder.layers.${i}`, x, shape);
    const norm = `${visionName}.post_layernorm`;
    return layerNorm(x, w(`${norm}.weight`), w(`${norm}.bias`), { epsilon: vision.layerNormEps });
  }

  /** Pixel shuffle and projection: the vision tower's output to [tiles · rowsPerTile, text hidden]. */
  connect(w: Weights, features: Tensor): Tensor {
    const { vision, scaleFactor: s } = this.config;
    const tiles = (features.shape[0] as number) / this.patchesPerTile;
    const side = vision.imageSize / vision.patchSize / s;
    const blocks = transpose(reshape(features, { shape: [tiles, side, s, side, s, vision.hiddenSize] }), {
      perm: [0, 1, 3, 2, 4, 5],
    });
    const rows = reshape(blocks, { shape: [tiles * this.rowsPerTile, s * s * vision.hiddenSize] });
    return linear(w, connectorName, rows);
  }

  /** Token embeddings: ids [N] to [N, text hidden]. */
  embed(w: Weights, tokens: Tensor): Tensor {
    return gather(w(`${textName}.embed_tokens.weight`), tokens, { unique: false });
  }

  /** The text model: embeddings [N, D] at positions [N] (all below `maxPositions`) to states [N, D]. */
  text(w: Weights, x: Tensor, positions: Tensor, maxPositions: number, attend: Attend): Tensor {
    const { text } = this.config;
    const rotate = (y: Tensor, heads: number): Tensor =>
      rotary(y, positions, { heads, theta: text.ropeTheta, maxPositions });
    const shape = { epsilon: text.rmsNormEps, rotate, heads: text.heads, kvHeads: text.kvHeads, attend };
    let hidden = x;
    for (let i = 0; i < text.layers; i++)
      hidden = decoderLayer(w, `${textName}.layers.${i}`, i, hidden, shape);
    return hidden;
  }

  /** Next-token logits [M, V] of states [M, D] that `text` gave, divided by a temperature; 0, greedy, counts as 1. */
  logits(w: Weights, hidden: Tensor, temperature = 1): Tensor {
    const { text } = this.config;
    const normed = rmsNorm(hidden, w(`${textName}.norm.weight`), { epsilon: text.rmsNormEps });
    const head = text.tieEmbeddings ? `${textName}.embed_tokens.weight` : "lm_head.weight";
    return matmul(normed, w(head), { transB: true, alpha: 1 / (temperature || 1) });
  }

  /** Position embeddings in the order of a full square tile's patches. */
  #positions(table: Tensor): Tensor {
    const { imageSize, patchSize } = this.config.vision;
    const ids = patchPositions(imageSize / patchSize);
    return ids.every((id, i) => id === i) ? table : gather(table, integers(ids), { unique: false });
  }
}

/**
 * The position id of each patch of a full n x n tile, as Idefics3 buckets its fractional coordinates: simply
 * row-major for most n, but float rounding moves some for others (25, 29 …), which is reproduced.
 */
export function patchPositions(n: number): number[] {
  const boundaries = Array.from({ length: n - 1 }, (_, i) => Math.fround((i + 1) / n));
  const buckets = Array.from({ length: n }, (_, i) => {
    const coordinate = Math.fround(i * Math.fround(1 / n));
    return boundaries.filter((b) => b <= coordinate).length;
  });
  return buckets.flatMap((row) => buckets.map((column) => row * n + column));
}

function parameterSpecs({ text, vision, scaleFactor }: Idefics3Config): ParameterSpec[] {
  const specs: ParameterSpec[] = [];
  const put = (group: ParameterGroup, name: string, ...shape: number[]): void => {
    specs.push({ name, shape, group });
  };
  const affine = (group: ParameterGroup, name: string, ...shape: number[]): void => {
    put(group, `${name}.weight`, ...shape);
    put(group, `${name}.bias`, shape[0] as number);
  };

  const D = vision.hiddenSize;
  affine("vision", `${visionName}.embeddings.patch_embedding`, D, 3, vision.patchSize, vision.patchSize);
  put(
    "vision",
    `${visionName}.embeddings.position_embedding.weight`,
    (vision.imageSize / vision.patchSize) ** 2,
    D,
  );
  for (let i = 0; i < vision.layers; i++) {
    const layer = `${visionName}.encoder.layers.${i}`;
    for (const part of ["q_proj", "k_proj", "v_proj", "out_proj"])
      affine("vision", `${layer}.self_attn.${part}`, D, D);
    affine("vision", `${layer}.layer_norm1`, D);
    affine("vision", `${layer}.layer_norm2`, D);
    affine("vision", `${layer}.mlp.fc1`, vision.intermediateSize, D);
    affine("vision", `${layer}.mlp.fc2`, D, vision.intermediateSize);
  }
  affine("vision", `${visionName}.post_layernorm`, D);

  const { hiddenSize: E, intermediateSize: F, headDim } = text;
  put("connector", `${connectorName}.weight`, E, D * scaleFactor ** 2);
  put("text", `${textName}.embed_tokens.weight`, text.vocabSize, E);
  for (let i = 0; i < text.layers; i++) {
    const layer = `${textName}.layers.${i}`;
    put("text", `${layer}.self_attn.q_proj.weight`, text.heads * headDim, E);
    put("text", `${layer}.self_attn.k_proj.weight`, text.kvHeads * headDim, E);
    put("text", `${layer}.self_attn.v_proj.weight`, text.kvHeads * headDim, E);
    put("text", `${layer}.self_attn.o_proj.weight`, E, text.heads * headDim);
    put("text", `${layer}.mlp.gate_proj.weight`, F, E);
    put("text", `${layer}.mlp.up_proj.weight`, F, E);
    put("text", `${layer}.mlp.down_proj.weight`, E, F);
    put("text", `${layer}.input_layernorm.weight`, E);
    put("text", `${layer}.post_attention_layernorm.weight`, E);
  }
  put("text", `${textName}.norm.weight`, E);
  if (!text.tieEmbeddings) put("text", "lm_head.weight", text.vocabSize, E);
  return specs;
}
