import { VisplayError } from "../../common/errors.ts";
import type { RgbImage, Size } from "../../images/image.ts";
import { type ResampleFilter, resample } from "../../images/resample.ts";
import { type ImageScaling, maxAspect, smartResize } from "../../images/scaling.ts";
import type { JsonFields } from "../model_files.ts";
import type { QwenVlConfig } from "../models/qwen_vl_config.ts";
import type { PatchGrid } from "../models/qwen_vl_grid.ts";
import type { ImageProcessor, ImageShape, PreparedImage } from "../models/vision_language_model.ts";
import { publishedResolution, type Resolution } from "../options.ts";
import { parseLevels, readProcessorFiles, requireTokens } from "./processing.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** How an image becomes patches. */
export interface Patching {
  readonly patchSize: number;
  readonly temporalPatchSize: number;
  readonly mergeSize: number;
  /** Bounds of a resized image's pixels. */
  readonly minPixels: number;
  readonly maxPixels: number;
  /** The upper bound that was asked for, which memory may have lowered to `maxPixels`. */
  readonly wantedPixels: number;
  readonly filter: ResampleFilter;
  /** What a byte becomes in each channel, [3][256]. */
  readonly levels: readonly Float32Array[];
  /** As many patches as fit into the model's context, and whose attention fits into memory. */
  readonly maxPatches: number;
}

/** The processor of Qwen's vision-language models, equal to Python's (Pillow) one. */
export class QwenVlProcessor implements ImageProcessor {
  readonly patching: Patching;
  readonly imageToken: string = imageToken;

  /** Throws a `VisplayError` of code "model" if tokenizer and model disagree about the image token. */
  constructor(config: QwenVlConfig, tokenizer: Tokenizer, patching: Patching) {
    requireTokens(tokenizer, imageToken, config);
    this.patching = patching;
  }

  get scaling(): ImageScaling {
    const { filter, minPixels, maxPixels } = this.patching;
    return { filter, factor: cellSize(this.patching), minPixels, maxPixels };
  }

  prepare(image: RgbImage): PreparedImage {
    const { height, width, patches } = patchImage(image, this.patching);
    const rows = (height * width) / this.patching.mergeSize ** 2;
    return {
      id: image.id,
      shape: { tiles: 1, height, width },
      patches,
      placeholder: imageToken.repeat(rows),
    };
  }
}

const imageToken = "<|image_pad|>";
/** Attention scores of one image in one layer: 4 GiB. */
const maxScores = 2 ** 30;
/** OpenAI's CLIP. */
const clip = {
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
} as const;

/**
 * Reads the patching of a model folder. Throws a `VisplayError` of code "model" if its settings are missing, impossible
 * or do not fit the model, and "config" if `resolution` does not.
 */
export async function readPatching(
  folder: string,
  config: QwenVlConfig,
  resolution: Resolution = publishedResolution,
): Promise<Patching> {
  const { image } = await readProcessorFiles(folder);
  return parsePatching(image, config, resolution);
}

/** The patching that a preprocessor_config.json describes for a model, at a resolution. */
export function parsePatching(
  fields: JsonFields,
  { modelType, vision, text }: QwenVlConfig,
  resolution: Resolution = publishedResolution,
): Patching {
  fields.oneOf("do_resize", [true], true);
  const { patchSize, temporalPatchSize, mergeSize } = vision;
  fields.oneOf("patch_size", [patchSize], 14);
  fields.oneOf("temporal_patch_size", [temporalPatchSize], 2);
  fields.oneOf("merge_size", [mergeSize], 2);
  requireResolution(resolution, modelType, (patchSize * mergeSize) ** 2);
  const published = pixelBounds(fields);
  const wanted = resolution.maxPixels ?? published.max;
  const inContext = text.maxPositions * mergeSize ** 2;
  const maxPatches = Math.min(inContext, Math.floor(Math.sqrt(maxScores / vision.heads)));
  return {
    patchSize,
    temporalPatchSize,
    mergeSize,
    minPixels: Math.min(published.min, wanted),
    // Published folders allow images whose scores would take tens of gigabytes; those are scaled down further.
    maxPixels: Math.min(wanted, maxPatches * patchSize ** 2),
    wantedPixels: wanted,
    filter: fields.oneOf("resample", [1, 3], 3) === 1 ? "lanczos" : "bicubic",
    levels: parseLevels(fields, clip),
    maxPatches,
  };
}

/** A folder's bounds of a resized image's pixels: by name, or in its size. */
function pixelBounds(fields: JsonFields): { readonly min: number; readonly max: number } {
  const size = fields.optionalSection("size");
  const pixels = (key: string, edge: string, fallback: number, min: number): number => {
    const source = fields.get(key) === undefined && size ? size : fields;
    return source.integer(source === size ? edge : key, { default: fallback, min, max: 2 ** 31 });
  };
  const min = pixels("min_pixels", "shortest_edge", 56 * 56, 1);
  return { min, max: pixels("max_pixels", "longest_edge", 28 * 28 * 1280, min) };
}

function requireResolution({ maxPixels, splitting }: Resolution, modelType: string, cell: number): void {
  if (splitting !== null)
    throw new VisplayError(
      "config",
      `model.splitting: found ${splitting}, expected null, for a ${modelType} sees every picture whole; set model.maxPixels`,
    );
  if (maxPixels !== null && maxPixels < cell)
    throw new VisplayError(
      "config",
      `model.maxPixels: found ${maxPixels}, expected at least ${cell}, the pixels of this model's cell`,
    );
}

/** What a user should know where context or memory bound pictures more than was asked for. */
export function capNote({ maxPixels, wantedPixels }: Patching): string[] {
  if (maxPixels === wantedPixels) return [];
  const [cap, wanted] = [maxPixels, wantedPixels].map((pixels) => pixels.toLocaleString("en-US"));
  return [
    `pictures of more than ${cap} pixels are scaled down to that many: for the ${wanted} that were asked for, the model's ` +
      "context or the memory of attention has no room. Python sees such pictures larger; model.maxPixels sets the bound",
  ];
}

/** Pixels along a side of what a row of text embeddings stands for. */
function cellSize({ patchSize, mergeSize }: Patching): number {
  return patchSize * mergeSize;
}

/**
 * How many patches an image has from top to bottom and from left to right. Throws a `VisplayError` of code "images" if
 * it is too narrow, or makes more than `maxPatches`.
 */
export function patchGrid(image: Size, patching: Patching): PatchGrid {
  const { patchSize, maxPatches } = patching;
  const size = smartResize(image, cellSize(patching), patching);
  const found = `${image.width}x${image.height} pixels`;
  if (size === undefined)
    throw new VisplayError(
      "images",
      `${found}, expected sides of a ratio of at most ${maxAspect}; leave it out`,
    );
  const [height, width] = [size.height / patchSize, size.width / patchSize];
  if (height * width <= maxPatches) return { height, width };
  throw new VisplayError(
    "images",
    `${found} make ${height * width} patches, the model takes ${maxPatches}; reduce model.maxPixels`,
  );
}

/**
 * An image's patches [height · width, 3 · temporalPatchSize · patchSize²], cell by cell and within each row by row; a
 * patch holds its channels, the frames of each, and the pixels of each frame. Throws a `VisplayError` of code "images"
 * if the image is too narrow, or makes more than `maxPatches`.
 */
export function patchImage(
  image: RgbImage,
  patching: Patching,
): Omit<ImageShape, "tiles"> & { readonly patches: Float32Array } {
  const { patchSize, filter } = patching;
  const { height, width } = patchGrid(image, patching);
  const resized = resample(image, width * patchSize, height * patchSize, filter);
  return { height, width, patches: patchRows(resized, patching) };
}

function patchRows(
  image: RgbImage,
  { patchSize, temporalPatchSize, mergeSize, levels }: Patching,
): Float32Array {
  const cell = patchSize * mergeSize;
  const patches = new Float32Array(3 * temporalPatchSize * image.width * image.height);
  let out = 0;
  const writePatch = (top: number, left: number): void => {
    for (const [channel, level] of levels.entries()) {
      const start = out;
      for (let y = top; y < top + patchSize; y++)
        for (let x = left; x < left + patchSize; x++)
          patches[out++] = level[image.data[(y * image.width + x) * 3 + channel] as number] as number;
      const frame = out - start;
      for (let t = 1; t < temporalPatchSize; t++, out += frame) patches.copyWithin(out, start, start + frame);
    }
  };
  for (let top = 0; top < image.height; top += cell)
    for (let left = 0; left < image.width; left += cell)
      for (let y = top; y < top + cell; y += patchSize)
        for (let x = left; x < left + cell; x += patchSize) writePatch(y, x);
  return patches;
}
