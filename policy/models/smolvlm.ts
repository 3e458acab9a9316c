import { add, gather, layerNorm, reshape, rotary, transpose } from "../../autodiff/operators/index.ts";
import { integers, type Tensor } from "../../autodiff/tensor.ts";
import type { Heads } from "./attention.ts";
import { Decoder } from "./decoder.ts";
import type { Idefics3Config } from "./idefics3_config.ts";
import { embedPatches, encoderLayer, linear, type Weights } from "./layers.ts";
import { ParameterList } from "./parameter_list.ts";
import type {
  ImageBucket,
  ImageShape,
  ParameterSpec,
  Positions,
  ShownShape,
  TextInputs,
  VisionLanguageModel,
} from "./vision_language_model.ts";

const visionName = "model.vision_model";
const connectorName = "model.connector.modality_projection.proj";
const textName = "model.text_model";

/** The Idefics3 / SmolVLM architecture: a SigLIP-like vision tower on tiles, a pixel shuffle, and Llama. */
export class SmolVlm implements VisionLanguageModel {
  readonly config: Idefics3Config;
  readonly parameters: readonly ParameterSpec[];
  readonly heads: Heads;
  readonly positionAxes = 1;
  readonly patchesPerTile: number;
  readonly patchWidth: number;
  readonly imageWidth: number;
  readonly #decoder: Decoder;

  constructor(config: Idefics3Config) {
    const { text, vision } = config;
    this.config = config;
    this.#decoder = new Decoder(text, { name: textName, attentionBias: false, headNorms: false });
    this.parameters = [...imageParameters(config), ...this.#decoder.parameters];
    this.heads = { heads: text.heads, kvHeads: text.kvHeads, headSize: text.headDim };
    this.patchesPerTile = (vision.imageSize / vision.patchSize) ** 2;
    this.patchWidth = 3 * vision.patchSize ** 2;
    this.imageWidth = text.hiddenSize;
  }

  rows({ tiles }: ImageShape): number {
    return tiles * this.config.tileTokens;
  }

  /** A tile is always full: only how many an image has differs. */
  bucket({ tiles }: ImageShape): ImageBucket {
    return { tiles, patches: this.patchesPerTile, rows: this.config.tileTokens, windows: 0 };
  }

  gridFeeds(): Record<string, never> {
    return {};
  }

  encode(w: Weights, patches: Tensor): Tensor {
    return this.connect(w, this.vision(w, patches));
  }

  /** The vision tower: patches [tiles · patchesPerTile, patchWidth] to [tiles · patchesPerTile, vision hidden]. */
  vision(w: Weights, patches: Tensor): Tensor {
    const { vision } = this.config;
    const name = `${visionName}.embeddings`;
    const tiles = (patches.shape[0] as number) / this.patchesPerTile;
    const embedded = embedPatches(w, `${name}.patch_embedding`, patches, vision.hiddenSize, true);
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

  /** Pixel shuffle and projection: the vision tower's output to [tiles · tileTokens, text hidden]. */
  connect(w: Weights, features: Tensor): Tensor {
    const { vision, scaleFactor: s } = this.config;
    const tiles = (features.shape[0] as number) / this.patchesPerTile;
    const side = vision.imageSize / vision.patchSize / s;
    const blocks = transpose(reshape(features, { shape: [tiles, side, s, side, s, vision.hiddenSize] }), {
      perm: [0, 1, 3, 2, 4, 5],
    });
    const rows = reshape(blocks, { shape: [tiles * this.config.tileTokens, s * s * vision.hiddenSize] });
    return linear(w, connectorName, rows);
  }

  embed(w: Weights, tokens: Tensor): Tensor {
    return this.#decoder.embed(w, tokens);
  }

  text(w: Weights, x: Tensor, { positions, maxPositions, ...inputs }: TextInputs): Tensor {
    const theta = this.config.text.ropeTheta;
    const rotate = (y: Tensor, heads: number): Tensor => rotary(y, positions, { heads, theta, maxPositions });
    return this.#decoder.text(w, x, rotate, inputs);
  }

  logits(w: Weights, hidden: Tensor, temperature = 1): Tensor {
    return this.#decoder.logits(w, hidden, temperature);
  }

  moduleNames(layer: string): [string] {
    return [layer];
  }

  positions(length: number, _images: readonly ShownShape[], first: number): Positions {
    return { axes: [Int32Array.from({ length }, (_, t) => first + t)], next: first + length };
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
function patchPositions(n: number): number[] {
  const boundaries = Array.from({ length: n - 1 }, (_, i) => Math.fround((i + 1) / n));
  const buckets = Array.from({ length: n }, (_, i) => {
    const coordinate = Math.fround(i * Math.fround(1 / n));
    return boundaries.filter((b) => b <= coordinate).length;
  });
  return buckets.flatMap((row) => buckets.map((column) => row * n + column));
}

/** Of the vision tower and the connector. */
function imageParameters({ text, vision, scaleFactor }: Idefics3Config): ParameterSpec[] {
  const D = vision.hiddenSize;
  const tower = new ParameterList(visionName, "vision");
  tower.affine("embeddings.patch_embedding", D, 3, vision.patchSize, vision.patchSize);
  tower.put("embeddings.position_embedding.weight", (vision.imageSize / vision.patchSize) ** 2, D);
  for (let i = 0; i < vision.layers; i++) {
    const layer = `encoder.layers.${i}`;
    for (const part of ["q_proj", "k_proj", "v_proj", "out_proj"])
      tower.affine(`${layer}.self_attn.${part}`, D, D);
    tower.affine(`${layer}.layer_norm1`, D);
    tower.affine(`${layer}.layer_norm2`, D);
    tower.affine(`${layer}.mlp.fc1`, vision.intermediateSize, D);
    tower.affine(`${layer}.mlp.fc2`, D, vision.intermediateSize);
  }
  tower.affine("post_layernorm", D);
  const connector = new ParameterList(connectorName, "connector");
  connector.put("weight", text.hiddenSize, D * scaleFactor ** 2);
  return [...tower.specs, ...connector.specs];
}
