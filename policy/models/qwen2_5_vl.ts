import { concat, gather, gelu, matmul, reshape, rotaryBy, slice } from "../../autodiff/operators/index.ts";
import { rotationTable } from "../../autodiff/operators/rotation_table.ts";
import { constant, integers, type Tensor } from "../../autodiff/tensor.ts";
import type { Heads } from "./attention.ts";
import { Decoder } from "./decoder.ts";
import { type Attend, linear, type Weights } from "./layers.ts";
import type { Qwen25VlConfig } from "./qwen2_5_vl_config.ts";
import { multimodalPositions, patchOrder, windowsOf } from "./qwen2_5_vl_grid.ts";
import { attendWhole, attendWindows, patchRotation, towerParts, visionBlock } from "./qwen2_5_vl_vision.ts";
import {
  type ImageShape,
  type ParameterGroup,
  type ParameterSpec,
  type Positions,
  patchesIn,
  type VisionLanguageModel,
} from "./vision_language_model.ts";

/** How a checkpoint names the parts of the model. */
export interface Qwen25VlNames {
  readonly vision: string;
  readonly text: string;
}

/** The names in published checkpoints, which were also those of the classes. */
const publishedNames: Qwen25VlNames = { vision: "visual", text: "model" };
/** Those of the classes in transformers since 4.52, in which some checkpoints are saved. */
const nestedNames: Qwen25VlNames = { vision: "model.visual", text: "model.language_model" };

/** The naming that a checkpoint's tensors follow. */
export function namesIn(tensors: readonly string[]): Qwen25VlNames {
  const nested = tensors.some((name) => name.startsWith(`${nestedNames.text}.`));
  return nested ? nestedNames : publishedNames;
}

/**
 * The Qwen2.5-VL architecture (2502.13923): a vision tower on images of any grid, which attends within windows in most
 * layers, and a decoder whose tokens have positions in time, row and column. Qwen2-VL (2409.12191) differs in the vision
 * tower's norms and MLPs, and has no windows. What depends on an image's grid alone is constant in a graph, since graphs
 * are made for one shape of image.
 */
export class Qwen25Vl implements VisionLanguageModel {
  readonly config: Qwen25VlConfig;
  readonly parameters: readonly ParameterSpec[];
  readonly heads: Heads;
  readonly positionAxes = 3;
  readonly patchWidth: number;
  readonly #names: Qwen25VlNames;
  readonly #decoder: Decoder;

  constructor(config: Qwen25VlConfig, names: Qwen25VlNames = publishedNames) {
    const { text, vision } = config;
    this.config = config;
    this.#names = names;
    this.#decoder = new Decoder(text, { name: names.text, attentionBias: true });
    this.parameters = [...imageParameters(config, names.vision), ...this.#decoder.parameters];
    this.heads = { heads: text.heads, kvHeads: text.kvHeads, headSize: text.headDim };
    this.patchWidth = 3 * vision.temporalPatchSize * vision.patchSize ** 2;
  }

  rows(image: ImageShape): number {
    return patchesIn(image) / this.config.vision.mergeSize ** 2;
  }

  encode(w: Weights, patches: Tensor, image: ImageShape): Tensor {
    return this.merge(w, this.vision(w, patches, image), image);
  }

  /** The vision tower: patches [N, patchWidth] to [N, vision hidden], window by window within each tile. */
  vision(w: Weights, patches: Tensor, image: ImageShape): Tensor {
    const { vision, modelType } = this.config;
    const { tiles } = image;
    const name = this.#names.vision;
    const windows = windowsOf(image, vision);
    const order = patchOrder(windows.order, vision.mergeSize, tiles);
    const kernel = reshape(w(`${name}.patch_embed.proj.weight`), {
      shape: [vision.hiddenSize, this.patchWidth],
    });
    let x = matmul(permuted(patches, order), kernel, { transB: true });
    const rotate = patchRotation(image, order, vision);
    const parts = towerParts[modelType];
    const whole = attendWhole(image, vision.heads);
    const windowed = attendWindows(windows, tiles, vision);
    for (let i = 0; i < vision.layers; i++) {
      const attend = vision.fullAttentionLayers.includes(i) ? whole : windowed;
      x = visionBlock(w, `${name}.blocks.${i}`, x, parts, rotate, attend);
    }
    return x;
  }

  /** The merger: the vision tower's output to [rows, text hidden], in the order of a tile's cells. */
  merge(w: Weights, features: Tensor, image: ImageShape): Tensor {
    const { vision, modelType } = this.config;
    const name = `${this.#names.vision}.merger`;
    const normed = towerParts[modelType].norm(w, `${name}.ln_q`, features);
    const cells = reshape(normed, {
      shape: [this.rows(image), vision.hiddenSize * vision.mergeSize ** 2],
    });
    const hidden = gelu(linear(w, `${name}.mlp.0`, cells, true));
    const rows = linear(w, `${name}.mlp.2`, hidden, true);
    const order = patchOrder(windowsOf(image, vision).order, 1, image.tiles);
    return permuted(rows, inverse(order));
  }

  embed(w: Weights, tokens: Tensor): Tensor {
    return this.#decoder.embed(w, tokens);
  }

  text(
    w: Weights,
    x: Tensor,
    positions: Tensor,
    maxPositions: number,
    attend: Attend,
    starts?: Tensor[],
  ): Tensor {
    const angles = (name: "cos" | "sin"): Tensor => this.#angles(name, positions, maxPositions);
    const [cos, sin] = [angles("cos"), angles("sin")];
    const rotate = (y: Tensor, heads: number): Tensor => rotaryBy(y, cos, sin, { heads });
    return this.#decoder.text(w, x, rotate, attend, starts);
  }

  logits(w: Weights, hidden: Tensor, temperature = 1): Tensor {
    return this.#decoder.logits(w, hidden, temperature);
  }

  moduleNames(layer: string): [string, ...string[]] {
    for (const part of ["vision", "text"] as const) {
      const prefix = `${this.#names[part]}.`;
      if (!layer.startsWith(prefix)) continue;
      const rest = layer.slice(prefix.length);
      return [`${nestedNames[part]}.${rest}`, `${publishedNames[part]}.${rest}`];
    }
    return [layer];
  }

  positions(tokens: Int32Array, images: readonly ImageShape[]): Positions {
    const { imageTokenId, vision } = this.config;
    return multimodalPositions(tokens, imageTokenId, images, vision.mergeSize);
  }

  /** Cosines or sines [N, headDim / 2] at positions [3 · N]: each section of frequencies turns by its own axis. */
  #angles(name: "cos" | "sin", positions: Tensor, maxPositions: number): Tensor {
    const { text, ropeSections } = this.config;
    const half = text.headDim / 2;
    const table = constant(rotationTable(name, text.headDim, text.ropeTheta, maxPositions), [
      maxPositions,
      half,
    ]);
    const count = (positions.shape[0] as number) / ropeSections.length;
    let end = 0;
    const parts = ropeSections.map((size, axis) => {
      const own = slice(positions, { axis: 0, start: axis * count, end: (axis + 1) * count });
      end += size;
      return gather(slice(table, { axis: 1, start: end - size, end }), own, { unique: false });
    });
    return concat(parts, { axis: 1 });
  }
}

/** The rows of a matrix in another order. */
function permuted(x: Tensor, order: readonly number[]): Tensor {
  return order.every((row, i) => row === i) ? x : gather(x, integers(order), { unique: true });
}

function inverse(order: readonly number[]): number[] {
  const result: number[] = [];
  order.forEach((place, i) => {
    result[place] = i;
  });
  return result;
}

/** Of the vision tower and the merger. */
function imageParameters({ modelType, text, vision }: Qwen25VlConfig, name: string): ParameterSpec[] {
  const { hiddenSize: D, intermediateSize: F, patchSize, temporalPatchSize, mergeSize } = vision;
  const { normBias, mlpIn, mlpOut } = towerParts[modelType];
  const specs: ParameterSpec[] = [];
  const put = (group: ParameterGroup, part: string, ...shape: number[]): void => {
    specs.push({ name: `${name}.${part}`, shape, group });
  };
  const affine = (group: ParameterGroup, part: string, out: number, inputs: number): void => {
    put(group, `${part}.weight`, out, inputs);
    put(group, `${part}.bias`, out);
  };
  const norm = (group: ParameterGroup, part: string): void => {
    put(group, `${part}.weight`, D);
    if (normBias) put(group, `${part}.bias`, D);
  };
  put("vision", "patch_embed.proj.weight", D, 3, temporalPatchSize, patchSize, patchSize);
  for (let i = 0; i < vision.layers; i++) {
    const layer = `blocks.${i}`;
    norm("vision", `${layer}.norm1`);
    norm("vision", `${layer}.norm2`);
    affine("vision", `${layer}.attn.qkv`, 3 * D, D);
    affine("vision", `${layer}.attn.proj`, D, D);
    for (const part of mlpIn) affine("vision", `${layer}.mlp.${part}`, F, D);
    affine("vision", `${layer}.mlp.${mlpOut}`, D, F);
  }
  const joined = D * mergeSize ** 2;
  norm("connector", "merger.ln_q");
  affine("connector", "merger.mlp.0", joined, joined);
  affine("connector", "merger.mlp.2", text.hiddenSize, joined);
  return specs;
}
