import { join } from "node:path";
import { VisplayError } from "../../common/errors.ts";
import type { RgbImage } from "../../images/image.ts";
import { type ResampleFilter, resample } from "../../images/resample.ts";
import { exists, type JsonFields, modelError, readModelJson } from "../model_files.ts";
import type { Tokenizer } from "../tokenizer.ts";
import type { Idefics3Config } from "./idefics3_config.ts";

/** How many rows and columns of tiles stand before the tile of the whole image; 0 and 0 if that is the only one. */
export interface TileGrid {
  readonly rows: number;
  readonly cols: number;
}

/** An image as the vision encoder takes it. */
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

/** Turns images and questions into the inputs of SmolVLM and Idefics3, equal to Python's (Pillow) processor. */
export class Idefics3Processor {
  readonly tiling: Tiling;
  readonly #config: Idefics3Config;
  readonly #tokenizer: Tokenizer;

  /** Throws a `VisplayError` of code "model" if the tokenizer lacks a token that is needed, or numbers it otherwise. */
  constructor(config: Idefics3Config, tokenizer: Tokenizer, tiling: Tiling) {
    for (const token of [fakeToken, globalToken]) tokenizer.id(token);
    const id = tokenizer.id(imageToken);
    if (id !== config.imageTokenId) {
      throw modelError("config.json", `image_token_id is ${config.imageTokenId}; the tokenizer's is ${id}`);
    }
    const end = config.eosTokenIds.find((stop) => !tokenizer.knows(stop));
    if (end !== undefined)
      throw modelError("config.json", `eos_token_id ${end} is no token of the tokenizer`);
    this.#config = config;
    this.#tokenizer = tokenizer;
    this.tiling = tiling;
  }

  /**
   * Reads preprocessor_config.json, or the part of processor_config.json where transformers 5 keeps it. Throws a
   * `VisplayError` of code "model" if it is missing, impossible or does not fit the model, or if the chat template
   * has no place for an image.
   */
  static async load(
    folder: string,
    config: Idefics3Config,
    tokenizer: Tokenizer,
  ): Promise<Idefics3Processor> {
    const path = join(folder, "preprocessor_config.json");
    const processorPath = join(folder, "processor_config.json");
    const processor = (await exists(processorPath)) ? await readModelJson(processorPath) : undefined;
    processor?.oneOf("image_seq_len", [config.tileTokens], config.tileTokens);
    const nested = processor?.optionalSection("image_processor");
    const fields = nested && !(await exists(path)) ? nested : await readModelJson(path);
    const loaded = new Idefics3Processor(config, tokenizer, parseTiling(fields, config));
    loaded.prompt("", { rows: 0, cols: 0 });
    return loaded;
  }

  /** The tiles of an image; throws a `VisplayError` of code "images" if there would be too many. */
  tiles(image: RgbImage): ImageTiles {
    return tileImage(image, this.tiling);
  }

  /**
   * The ids of a user's turn, first the image and then the text, up to where the assistant answers. Special tokens
   * that the text spells are read as plain characters.
   */
  prompt(text: string, grid: TileGrid): Int32Array {
    const content = [{ type: "image" }, { type: "text", text: this.#tokenizer.literal(text) }] as const;
    const rendered = this.#tokenizer.renderChat([{ role: "user", content }], true);
    const parts = rendered.split(imageToken);
    if (parts.length !== 2) {
      throw modelError(
        this.#tokenizer.templateFile,
        `the chat template writes ${parts.length - 1} ${imageToken} for one image; expected one`,
      );
    }
    return this.#tokenizer.encode(parts.join(imagePrompt(grid, this.#config.tileTokens)));
  }
}

const imageToken = "<image>";
const fakeToken = "<fake_token_around_image>";
const globalToken = "<global-img>";
/** Where Python's processor caps the longer side. */
const maxLongestEdge = 4096;
/** Pixels of all tiles of an image; they take twelve times as many bytes. */
const maxTilePixels = 2 ** 26;

/** The tiling that a preprocessor_config.json describes for a model. */
export function parseTiling(fields: JsonFields, config: Idefics3Config): Tiling {
  for (const step of ["do_rescale", "do_normalize"]) fields.oneOf(step, [true], true);
  const size = fields.boolean("do_resize", true) ? fields.section("size") : undefined;
  return {
    longestEdge: size?.integer("longest_edge", { min: 1, max: maxLongestEdge }),
    tileSize: fields.section("max_image_size").oneOf("longest_edge", [config.vision.imageSize]),
    split: fields.boolean("do_image_splitting", true),
    filter: fields.oneOf("resample", [1, 3], 1) === 1 ? "lanczos" : "bicubic",
    levels: parseLevels(fields),
    maxTiles: Math.floor(
      Math.min(config.text.maxPositions / config.tileTokens, maxTilePixels / config.vision.imageSize ** 2),
    ),
  };
}

/** (byte * rescale_factor - mean) / std, rounded to 32 bits after each operation as NumPy does. */
function parseLevels(fields: JsonFields): Float32Array[] {
  const scale = fields.number("rescale_factor", { default: 1 / 255, min: 0, max: 1 });
  const std = parseChannels(fields, "image_std");
  return parseChannels(fields, "image_mean").map((mean, channel) =>
    Float32Array.from({ length: 256 }, (_, byte) => {
      const centred = Math.fround(Math.fround(byte * scale) - Math.fround(mean));
      return centred / Math.fround(std[channel] as number);
    }),
  );
}

const maxLevel = 1000;

function parseChannels(fields: JsonFields, key: string): number[] {
  const value = fields.get(key) ?? 0.5;
  const list = Array.isArray(value) ? value : [value, value, value];
  const min = key === "image_mean" ? -maxLevel : 1 / maxLevel;
  if (list.length === 3 && list.every((x) => typeof x === "number" && x >= min && x <= maxLevel)) return list;
  throw fields.error(key, `a number from ${min} to ${maxLevel}, or one for each of three channels`);
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Cuts an image into tiles; throws a `VisplayError` of code "images" if there would be more than `maxTiles`. */
export function tileImage(image: RgbImage, tiling: Tiling): ImageTiles {
  const { longestEdge, tileSize, split, filter, maxTiles } = tiling;
  const scaled = longestEdge === undefined ? image : scaledSize(image, longestEdge);
  const whole = split ? tiledSize(scaled, tileSize) : { width: tileSize, height: tileSize };
  const single = whole.width === tileSize && whole.height === tileSize;
  const rows = single ? 0 : whole.height / tileSize;
  const cols = single ? 0 : whole.width / tileSize;
  const tiles = rows * cols + 1;
  if (tiles > maxTiles) {
    const found = `${image.width}x${image.height} pixels make ${tiles} tiles`;
    throw new VisplayError(
      "images",
      `image ${image.id}: ${found}, at most ${maxTiles} fit; ` +
        "reduce size.longest_edge or set do_image_splitting to false in preprocessor_config.json",
    );
  }
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

/** The longer side at `longest`, the other in proportion, truncated, then made even. */
function scaledSize({ width, height }: Size, longest: number): Size {
  const aspect = width / height;
  const shorter = Math.trunc(width >= height ? longest / aspect : longest * aspect);
  const even = Math.max(1, shorter + (shorter % 2));
  return width >= height ? { width: longest, height: even } : { width: even, height: longest };
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
