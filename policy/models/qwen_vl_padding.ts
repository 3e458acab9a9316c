import { rotaryBy } from "../../autodiff/operators/index.ts";
import { input, type Tensor } from "../../autodiff/tensor.ts";
import { masked } from "./attention.ts";
import { attendWithin } from "./layers.ts";
import type { QwenVlVisionConfig } from "./qwen_vl_config.ts";
import { type PatchGrid, patchRotations } from "./qwen_vl_grid.ts";
import type { ImageBucket, ImageShape } from "./vision_language_model.ts";

/** Attention between patches: queries, keys and values [N, D] to [N, D]. */
export type AttendPatches = (q: Tensor, k: Tensor, v: Tensor) => Tensor;

/** The grids of images' tiles, one after the other. */
export function tileGrids(images: readonly ImageShape[]): PatchGrid[] {
  return images.flatMap((image) => Array.from({ length: image.tiles }, () => image));
}

/** Turns patches [tiles · patches, heads · d] by their rows and columns. */
export function patchRotation(
  { tiles, patches }: ImageBucket,
  { hiddenSize, heads }: QwenVlVisionConfig,
): (x: Tensor) => Tensor {
  const shape = [tiles * patches, hiddenSize / heads / 2];
  const [cos, sin] = [input("patch_cos", shape), input("patch_sin", shape)];
  return (x) => rotaryBy(x, cos, sin, { heads });
}

export function rotationFeeds(
  images: readonly ImageShape[],
  { tiles, patches }: ImageBucket,
  { hiddenSize, heads, mergeSize }: QwenVlVisionConfig,
): { readonly patch_cos: Float32Array; readonly patch_sin: Float32Array } {
  const headSize = hiddenSize / heads;
  const table = (name: "cos" | "sin"): Float32Array => {
    const all = new Float32Array((tiles * patches * headSize) / 2);
    tileGrids(images).forEach((grid, tile) => {
      all.set(patchRotations(name, grid, mergeSize, headSize), (tile * patches * headSize) / 2);
    });
    return all;
  };
  return { patch_cos: table("cos"), patch_sin: table("sin") };
}

/** Each tile sees itself, but for its padding. */
export function attendWhole({ tiles, patches }: ImageBucket, heads: number): AttendPatches {
  const shape = { batch: tiles, length: patches, heads };
  const bias = input("patch_bias", [tiles, 1, 1, patches]);
  return (q, k, v) => attendWithin(q, k, v, shape, bias);
}

export function wholeFeeds(
  images: readonly ImageShape[],
  { tiles, patches }: ImageBucket,
): { readonly patch_bias: Float32Array } {
  const bias = new Float32Array(tiles * patches).fill(masked);
  tileGrids(images).forEach(({ height, width }, tile) => {
    bias.fill(0, tile * patches, tile * patches + height * width);
  });
  return { patch_bias: bias };
}
