import { VisplayError } from "../../common/errors.ts";
import type { RgbImage, Size } from "../../images/image.ts";
import { type ResampleFilter, resample } from "../../images/resample.ts";
import { type ImageScaling, toEdge } from "../../images/scaling.ts";
import type { JsonFields } from "../model_files.ts";
import type { Idefics3Config } from "../models/idefics3_config.ts";
import type { ImageProcessor, PreparedImage } from "../models/vision_language_model.ts";
import { publishedResolution, type Resolution } from "../options.ts";
import { parseLevels, readProcessorFiles, requireTokens } from "./processing.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** How many rows and columns of tiles stand before the tile of the whole image; 0 and 0 if that is the only one. */
export interface TileGrid {
  readonly rows: number;
  readonly cols: number;
}

/** An image cut into tiles. */
export interface ImageTiles extends TileGrid {
  /** The tiles row by row, then the whole image as one more, [tiles, 3, S, S]. */
  readonly pixels: Float32Array;
  readonly tiles: number;
}

/** How an image becomes tiles. */
export interface Tiling {
  /** Pixels to which the longer side is scaled first; undefined leaves the image's size. */
  readonly longestEdge: number | undefined;
  /** S, the side of a tile in pixels. */
  readonly tileSize: number;
  /** Whether larger images are cut into tiles; otherwise every image becomes one tile. */
  readonly split: boolean;
  readonly filter: ResampleFilter;
  /** What a byte becomes in each channel, [3][256]. */
  readonly levels: readonly Float32Array[];
  /** As many as fit into the model's context and into memory. */
  readonly maxTiles: number;
}

/** The processor of SmolVLM and Idefics3, equal to Python's (Pillow) one. */
export class Idefics3Processor implements ImageProcessor {
  readonly tiling: Tiling;
  readonly #config: Idefics3Config;
  readonly imageToken: string = imageToken;

  /**
   * Throws a `VisplayError` of code "model" if the tokenizer lacks a token that is needed, or numbers it otherwise, or if
   * the chat template has no place for an image.
   */
  constructor(config: Idefics3Config, tokenizer: Tokenizer, tiling: Tiling) {
    for (const token of [fakeToken, globalToken]) tokenizer.id(token);
    requireTokens(tokenizer, imageToken, config);
    this.#config = config;
    this.tiling = tiling;
  }

  get scaling(): ImageScaling | null {
    const { longestEdge, filter } = this.tiling;
    return longestEdge === undefined ? null : { filter, longestEdge };
  }

  prepare(image: RgbImage): PreparedImage {
    const { pixels, tiles, rows, cols } = tileImage(image, this.tiling);
    const { vision, tileTokens } = this.#config;
    const side = vision.imageSize / vision.patchSize;
    return {
      id: image.id,
      shape: { tiles, height: side, width: side },
      patches: patchify(pixels, vision.imageSize, vision.patchSize),
      placeholder: imagePrompt({ rows, cols }, tileTokens),
    };
  }
}

const imageToken = "<image>";
const fakeToken = "<fake_token_around_image>";
const globalToken = "<global-img>";
/** Where Python's processor caps the longer side. */
const maxLongestEdge = 4096;
/** Pixels of all tiles of an image; they take twelve times as many bytes. */
const maxTilePixels = 2 ** 26;
const half = [0.5, 0.5, 0.5] as const;

/**
 * Reads the tiling of a model folder. Throws a `VisplayError` of code "model" if its settings are missing, impossible or
 * do not fit the model, and "config" if `resolution` does not.
 */
export async function readTiling(
  folder: string,
  config: Idefics3Config,
  resolution: Resolution = publishedResolution,
): Promise<Tiling> {
  const { image, processor } = await readProcessorFiles(folder);
  processor?.oneOf("image_seq_len", [config.tileTokens], config.tileTokens);
  return parseTiling(image, config, resolution);
}

/** The tiling that a preprocessor_config.json describes for a model, at a resolution. */
export function parseTiling(
  fields: JsonFields,
  config: Idefics3Config,
  { maxPixels, splitting }: Resolution = publishedResolution,
): Tiling {
  const size = fields.boolean("do_resize", true) ? fields.section("size") : undefined;
  const longestEdge = size?.integer("longest_edge", { min: 1, max: maxLongestEdge });
  const tileSize = fields.section("max_image_size").oneOf("longest_edge", [config.vision.imageSize]);
  const split = fields.boolean("do_image_splitting", true);
  return {
    longestEdge: maxPixels === null ? longestEdge : longestWithin(maxPixels, tileSize),
    tileSize,
    split: splitting ?? split,
    filter: fields.oneOf("resample", [1, 3], 1) === 1 ? "lanczos" : "bicubic",
    levels: parseLevels(fields, { mean: half, std: half }),
    maxTiles: Math.floor(
      Math.min(config.text.maxPositions / config.tileTokens, maxTilePixels / config.vision.imageSize ** 2),
    ),
  };
}

/** The longest side of a square of whole tiles that has no more pixels than `maxPixels`. */
function longestWithin(maxPixels: number, tileSize: number): number {
  const tiles = Math.floor(Math.sqrt(maxPixels) / tileSize);
  if (tiles > 0) return Math.min(tiles * tileSize, maxLongestEdge);
  throw new VisplayError(
    "config",
    `model.maxPixels: found ${maxPixels}, expected at least ${tileSize ** 2}, the pixels of this model's tile`,
  );
}

/** The sizes to which an image is scaled in turn, and the tiles that it is cut into. */
interface TiledSizes extends TileGrid {
  readonly scaled: Size;
  readonly whole: Size;
  readonly tiles: number;
}

/** Throws a `VisplayError` of code "images" if there would be more than `maxTiles`. */
export function tiledSizes(image: Size, { longestEdge, tileSize, split, maxTiles }: Tiling): TiledSizes {
  const scaled = longestEdge === undefined ? image : toEdge(image, longestEdge);
  const whole = split ? tiledSize(scaled, tileSize) : { width: tileSize, height: tileSize };
  const single = whole.width === tileSize && whole.height === tileSize;
  const rows = single ? 0 : whole.height / tileSize;
  const cols = single ? 0 : whole.width / tileSize;
  const tiles = rows * cols + 1;
  if (tiles <= maxTiles) return { scaled, whole, rows, cols, tiles };
  throw new VisplayError(
    "images",
    `${image.width}x${image.height} pixels make ${tiles} tiles, at most ${maxTiles} fit; ` +
      "reduce model.maxPixels, or set model.splitting to false",
  );
}

/** Cuts an image into tiles; throws a `VisplayError` of code "images" if there would be more than `maxTiles`. */
export function tileImage(image: RgbImage, tiling: Tiling): ImageTiles {
  const { tileSize, filter } = tiling;
  const { scaled, whole, rows, cols, tiles } = tiledSizes(image, tiling);
  const resized = resample(
    resample(image, scaled.width, scaled.height, filter),
    whole.width,
    whole.height,
    filter,
  );
  const pixels = new Float32Array(tiles * 3 * tileSize ** 2);
  for (let tile = 0; tile < rows * cols; tile++) {
    const left = (tile % cols) * tileSize;
    const top = Math.floor(tile / cols) * tileSize;
    writeTile(pixels, tile, resized, left, top, tiling);
  }
  writeTile(pixels, tiles - 1, resample(resized, tileSize, tileSize, filter), 0, 0, tiling);
  return { pixels, tiles, rows, cols };
}

/** The longer side up to a multiple of the tile, the other in proportion and then up as well. */
function tiledSize({ width, height }: Size, tile: number): Size {
  const up = (length: number) => Math.ceil(length / tile) * tile;
  const aspect = width / height;
  if (width >= height) return { width: up(width), height: up(Math.trunc(up(width) / aspect)) };
  return { width: up(Math.trunc(up(height) * aspect)), height: up(height) };
}

/** Writes the square at (left, top) of an image as tile number `tile` of [tiles, 3, S, S]. */
function writeTile(
  pixels: Float32Array,
  tile: number,
  image: RgbImage,
  left: number,
  top: number,
  { tileSize, levels }: Tiling,
): void {
  let out = tile * 3 * tileSize ** 2;
  for (const [channel, level] of levels.entries()) {
    for (let y = 0; y < tileSize; y++) {
      let from = ((top + y) * image.width + left) * 3 + channel;
      for (let x = 0; x < tileSize; x++, from += 3)
        pixels[out++] = level[image.data[from] as number] as number;
    }
  }
}

/** What stands for an image in the prompt, with `tileTokens` image tokens for each tile. */
function imagePrompt({ rows, cols }: TileGrid, tileTokens: number): string {
  const images = imageToken.repeat(tileTokens);
  let prompt = "";
  for (let row = 1; row <= rows; row++) {
    for (let col = 1; col <= cols; col++) prompt += `${fakeToken}<row_${row}_col_${col}>${images}`;
    prompt += "\n";
  }
  return `${prompt}${rows > 0 ? "\n" : ""}${fakeToken}${globalToken}${images}${fakeToken}`;
}

/**
 * Tiles [tiles, 3, S, S] as one row for each patch, [tiles * (S / p)², 3 * p * p], in the order of a convolution
 * kernel [out, 3, p, p], so that the patch convolution is a product of matrices.
 */
export function patchify(pixels: Float32Array, tileSize: number, patch: number): Float32Array {
  const rows = new Float32Array(pixels.length);
  let out = 0;
  for (let tile = 0; tile < pixels.length; tile += 3 * tileSize ** 2) {
    for (let top = 0; top < tileSize; top += patch) {
      for (let left = 0; left < tileSize; left += patch) {
        for (let line = 0; line < 3 * patch; line++) {
          const y = Math.floor(line / patch) * tileSize + top + (line % patch);
          const from = tile + y * tileSize + left;
          for (let x = 0; x < patch; x++) rows[out++] = pixels[from + x] as number;
        }
      }
    }
  }
  return rows;
}
