import sharp from "sharp";
import { asStill, isSequence } from "./avif.ts";
import { bufferOf } from "./bytes.ts";
import { highBytes, rgbOf } from "./colours.ts";
import { askVips, type PictureHeader, reading } from "./header.ts";
import { requireContinuous } from "./jpeg.ts";
import { unsupportedError } from "./refusal.ts";
import type { Tiles } from "./tiff.ts";

/** A picture's pixels as they are stored, before they are turned upright. */
export interface StoredRows {
  readonly width: number;
  readonly height: number;
  /** 8-bit RGB, [count, width, 3]. */
  rows(top: number, count: number): Promise<Uint8Array>;
}

/**
 * The rows of a file with this header, of an animation those of frame `page`; throws a `Refusal` where it is seen to be
 * damaged, and so do `rows`.
 */
export function storedRows(bytes: Uint8Array, header: PictureHeader, page = 0): StoredRows {
  const { format, width, height, tiles } = header;
  const file = bufferOf(bytes);
  if (format === "jpeg") requireContinuous(file);
  const input = tiles ? tiles.stack(file) : isSequence(file) ? asStill(file) : file;
  const rows = (top: number, count: number) =>
    tiles
      ? rowsOfTiles(input, header, tiles, top, count)
      : readRegion(input, header, { width, height }, top, count, page);
  return { width, height, rows };
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Some rows of what libvips takes for a picture of `size`, as RGB. */
async function readRegion(
  input: Buffer,
  { format, colours, alpha, wide }: PictureHeader,
  size: Size,
  top: number,
  count: number,
  page = 0,
): Promise<Uint8Array> {
  const space = colours === "cmyk" ? "cmyk" : wide ? "rgb16" : "srgb";
  const { data, info } = await askVips(format, () => {
    let picture = sharp(input, { ...reading, page }).toColourspace(space);
    if (space === "cmyk") picture = picture.pipelineColourspace(space);
    if (count < size.height) picture = picture.extract({ left: 0, top, width: size.width, height: count });
    return picture.raw({ depth: wide ? "ushort" : "uchar" }).toBuffer({ resolveWithObject: true });
  });
  const bands = info.channels as number;
  if (bands < (alpha || colours === "cmyk" ? 4 : 3) || info.width !== size.width || info.height !== count)
    throw unsupportedError(format, `${bands} bands of ${info.width}x${info.height} pixels`);
  const { buffer, byteOffset, length } = data;
  const stored = wide
    ? highBytes(new Uint16Array(buffer, byteOffset, length / 2))
    : new Uint8Array(buffer, byteOffset, length);
  return rgbOf({ data: stored, bands, colours, alpha });
}

/** Some rows of a picture whose tiles stand one above the other in `input`. */
async function rowsOfTiles(
  input: Buffer,
  header: PictureHeader,
  tiles: Tiles,
  top: number,
  count: number,
): Promise<Uint8Array> {
  const { width, height } = header;
  const { across } = tiles;
  const down = Math.ceil(height / tiles.height);
  const first = Math.floor(top / tiles.height);
  const last = Math.floor((top + count - 1) / tiles.height);
  const perRow = across * tiles.height;
  const stack = { width: tiles.width, height: down * perRow };
  const stacked = await readRegion(input, header, stack, first * perRow, (last + 1 - first) * perRow);
  const rows = new Uint8Array(count * width * 3);
  for (let y = 0; y < count; y++) {
    const row = top + y - first * tiles.height;
    const inTiles = Math.floor(row / tiles.height) * perRow + (row % tiles.height);
    for (let tile = 0; tile < across; tile++) {
      const left = tile * tiles.width;
      const from = (inTiles + tile * tiles.height) * tiles.width * 3;
      const pixels = Math.min(tiles.width, width - left);
      rows.set(stacked.subarray(from, from + pixels * 3), (y * width + left) * 3);
    }
  }
  return rows;
}
