import {
  add,
  concat,
  gather,
  gelu,
  matmul,
  replaceRows,
  reshape,
  rmsNorm,
  rotaryBy,
  slice,
  zeros,
} from "../../autodiff/operators/index.ts";
import { rotationTable } from "../../autodiff/operators/rotation_table.ts";
import { constant, integers, type Tensor } from "../../autodiff/tensor.ts";
import { type Heads, masked } from "./attention.ts";
import { Decoder } from "./decoder.ts";
import { type Attend, attendWithin, linear, swiglu, type Weights } from "./layers.ts";
import type { Qwen25VlConfig } from "./qwen2_5_vl_config.ts";
import {
  multimodalPositions,
  patchOrder,
  patchRotations,
  type Windows,
  windowsOf,
} from "./qwen2_5_vl_grid.ts";
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

/** The names in published checkpoints. */
const publishedNames: Qwen25VlNames = { vision: "visual", text: "model" };
/** Those of the classes in transformers since 4.52, in which some checkpoints are saved. */
const nestedNames: Qwen25VlNames = { vision: "model.visual", text: "model.language_model" };

/** The naming that a checkpoint's tensors follow. */
export function namesIn(tensors: readonly string[]): Qwen25VlNames {
  const nested = tensors.some((name) => name.startsWith(`${nestedNames.text}.`));
  return nested ? nestedNames : publishedNames;
}

/** Of all norms in the vision tower, whatever the configuration says. */
const epsilon = 1e-6;

/**
 * The Qwen2.5-VL architecture (2502.13923): a vision tower on images of any grid, which attends within windows in most
 * layers, and a decoder whose tokens have positions in time, row and column. What depends on an image's grid alone is
 * constant in a graph, since graphs are made for one shape of image.
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
    const { vision } = this.config;
    const { tiles } = image;
    const name = this.#names.vision;
    const windows = windowsOf(image, vision);
    const order = patchOrder(windows.order, vision.mergeSize, tiles);
    const kernel = reshape(w(`${name}.patch_embed.proj.weight`), {
      shape: [vision.hiddenSize, this.patchWidth],
    });
    let x = matmul(permuted(patches, order), kernel, { transB: true });
    const rotate = patchRotation(image, order, vision);
    const whole = attendWhole(tiles, vision.heads);
    const windowed = attendWindows(windows, tiles, vision);
    for (let i = 0; i < vision.layers; i++) {
      const attend = vision.fullAttentionLayers.includes(i) ? whole : windowed;
      x = block(w, `${name}.blocks.${i}`, x, rotate, attend);
    }
    return x;
  }

  /** The merger: the vision tower's output to [rows, text hidden], in the order of a tile's cells. */
  merge(w: Weights, features: Tensor, image: ImageShape): Tensor {
    const { vision } = this.config;
    const name = `${this.#names.vision}.merger`;
    const normed = rmsNorm(features, w(`${name}.ln_q.weight`), { epsilon });
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

  text(w: Weights, x: Tensor, positions: Tensor, maxPositions: number, attend: Attend): Tensor {
    const angles = (name: "cos" | "sin"): Tensor => this.#angles(name, positions, maxPositions);
    const [cos, sin] = [angles("cos"), angles("sin")];
    const rotate = (y: Tensor, heads: number): Tensor => rotaryBy(y, cos, sin, { heads });
    return this.#decoder.text(w, x, rotate, attend);
  }

  logits(w: Weights, hidden: Tensor, temperature = 1): Tensor {
    return this.#decoder.logits(w, hidden, temperature);
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

/** Attention between patches: queries, keys and values [N, D] to [N, D]. */
type AttendPatches = (q: Tensor, k: Tensor, v: Tensor) => Tensor;

/** Each image sees itself. */
function attendWhole(tiles: number, heads: number): AttendPatches {
  return (q, k, v) => {
    const length = (q.shape[0] as number) / tiles;
    return attendWithin(q, k, v, { batch: tiles, length, heads });
  };
}

/** Each window sees itself; smaller ones are padded to the size of the largest. */
function attendWindows(
  { sizes }: Windows,
  tiles: number,
  { heads, mergeSize }: { readonly heads: number; readonly mergeSize: number },
): AttendPatches {
  const lengths = Array.from({ length: tiles }, () => sizes.map((cells) => cells * mergeSize ** 2)).flat();
  const length = Math.max(...lengths);
  const shape = { batch: lengths.length, length, heads };
  if (lengths.every((n) => n === length)) return (q, k, v) => attendWithin(q, k, v, shape);

  const slots = integers(lengths.flatMap((n, i) => Array.from({ length: n }, (_, t) => i * length + t)));
  const bias = constant(
    Float32Array.from(lengths.flatMap((n) => Array.from({ length }, (_, t) => (t < n ? 0 : masked)))),
    [lengths.length, 1, 1, length],
  );
  const padded = (x: Tensor): Tensor =>
    replaceRows(zeros([lengths.length * length, x.shape[1] as number]), slots, x);
  return (q, k, v) =>
    gather(attendWithin(padded(q), padded(k), padded(v), shape, bias), slots, { unique: true });
}

/** Turns patches [N, heads · d] in the given order by their rows and columns. */
function patchRotation(
  image: ImageShape,
  order: readonly number[],
  { hiddenSize, heads, mergeSize }: Qwen25VlConfig["vision"],
): (x: Tensor) => Tensor {
  const half = hiddenSize / heads / 2;
  const ordered = (name: "cos" | "sin"): Tensor => {
    const table = patchRotations(name, image, mergeSize, 2 * half);
    const data = new Float32Array(order.length * half);
    order.forEach((patch, i) => {
      const row = patch % (image.height * image.width);
      data.set(table.subarray(row * half, (row + 1) * half), i * half);
    });
    return constant(data, [order.length, half]);
  };
  const [cos, sin] = [ordered("cos"), ordered("sin")];
  return (x) => rotaryBy(x, cos, sin, { heads });
}

/** A pre-norm transformer block on patches [N, D]. */
function block(
  w: Weights,
  name: string,
  x: Tensor,
  rotate: (x: Tensor) => Tensor,
  attend: AttendPatches,
): Tensor {
  const width = x.shape[1] as number;
  const joint = linear(w, `${name}.attn.qkv`, rmsNorm(x, w(`${name}.norm1.weight`), { epsilon }), true);
  const part = (i: number): Tensor => slice(joint, { axis: 1, start: i * width, end: (i + 1) * width });
  const mixed = attend(rotate(part(0)), rotate(part(1)), part(2));
  const middle = add(x, linear(w, `${name}.attn.proj`, mixed, true));
  const rest = rmsNorm(middle, w(`${name}.norm2.weight`), { epsilon });
  return add(middle, swiglu(w, `${name}.mlp`, rest, true));
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
function imageParameters({ text, vision }: Qwen25VlConfig, name: string): ParameterSpec[] {
  const { hiddenSize: D, intermediateSize: F, patchSize, temporalPatchSize, mergeSize } = vision;
  const specs: ParameterSpec[] = [];
  const put = (group: ParameterGroup, part: string, ...shape: number[]): void => {
    specs.push({ name: `${name}.${part}`, shape, group });
  };
  const affine = (group: ParameterGroup, part: string, out: number, inputs: number): void => {
    put(group, `${part}.weight`, out, inputs);
    put(group, `${part}.bias`, out);
  };
  put("vision", "patch_embed.proj.weight", D, 3, temporalPatchSize, patchSize, patchSize);
  for (let i = 0; i < vision.layers; i++) {
    const layer = `blocks.${i}`;
    put("vision", `${layer}.norm1.weight`, D);
    put("vision", `${layer}.norm2.weight`, D);
    affine("vision", `${layer}.attn.qkv`, 3 * D, D);
    affine("vision", `${layer}.attn.proj`, D, D);
    affine("vision", `${layer}.mlp.gate_proj`, F, D);
    affine("vision", `${layer}.mlp.up_proj`, F, D);
    affine("vision", `${layer}.mlp.down_proj`, D, F);
  }
  const joined = D * mergeSize ** 2;
  put("connector", "merger.ln_q.weight", D);
  affine("connector", "merger.mlp.0", joined, joined);
  affine("connector", "merger.mlp.2", text.hiddenSize, joined);
  return specs;
}
