import sharp, { type Sharp } from "sharp";
import { RandomStream } from "../common/random.ts";
import { imageOf, type RgbImage, type Size } from "./image.ts";

/** A part of an image, in pixels. */
export interface Region extends Size {
  readonly left: number;
  readonly top: number;
}

/** A region of an image, which has to lie within it. */
export function crop({ width: across, height: down, data }: RgbImage, region: Region): RgbImage {
  const { left, top, width, height } = region;
  if (left < 0 || top < 0 || width < 1 || height < 1 || left + width > across || top + height > down)
    throw new RangeError(
      `a region of ${width}x${height} at ${left}, ${top} of an image of ${across}x${down}`,
    );
  const part = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y++) {
    const from = 3 * ((top + y) * across + left);
    part.set(data.subarray(from, from + 3 * width), 3 * y * width);
  }
  return imageOf(width, height, part);
}

/** An image as a mirror shows it, left for right. */
export function mirror({ width, height, data }: RgbImage): RgbImage {
  const mirrored = new Uint8Array(data.length);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const from = 3 * (y * width + x);
      mirrored.set(data.subarray(from, from + 3), 3 * (y * width + (width - 1 - x)));
    }
  return imageOf(width, height, mirrored);
}

/** An image with a region, as far as it lies within, in mid grey (128 of 255). */
export function cover({ width, height, data }: RgbImage, region: Region): RgbImage {
  const covered = Uint8Array.from(data);
  const [left, right] = [Math.max(0, region.left), Math.min(width, region.left + region.width)];
  const bottom = Math.min(height, region.top + region.height);
  for (let y = Math.max(0, region.top); y < bottom; y++)
    covered.fill(128, 3 * (y * width + left), 3 * (y * width + Math.max(left, right)));
  return imageOf(width, height, covered);
}

/**
 * An image cut into `side` rows and columns of equal patches, in an order that the seed draws. What is left over on the
 * right and below stays where it is.
 */
export function shufflePatches({ width, height, data }: RgbImage, side: number, seed: number): RgbImage {
  const [across, down] = [width, height].map((size) => Math.max(1, Math.floor(size / side))) as [
    number,
    number,
  ];
  const columns = Math.min(side, width);
  const patches = Array.from({ length: columns * Math.min(side, height) }, (_, i) => i);
  const offsetOf = (patch: number, row: number): number => {
    const [x, y] = [(patch % columns) * across, Math.floor(patch / columns) * down];
    return 3 * ((y + row) * width + x);
  };
  const shuffled = Uint8Array.from(data);
  for (const [to, from] of new RandomStream(seed).shuffle(patches).entries())
    for (let row = 0; row < down; row++) {
      const start = offsetOf(from, row);
      shuffled.set(data.subarray(start, start + 3 * across), offsetOf(to, row));
    }
  return imageOf(width, height, shuffled);
}

/** An image turned clockwise; corners that come free are mid grey. */
export async function rotate(image: RgbImage, degrees: number): Promise<RgbImage> {
  return pixelsOf(raw(image).rotate(degrees, { background: { r: 128, g: 128, b: 128 } }));
}

export interface Enhancement {
  /** Factor on the distance from mid grey. */
  readonly contrast: number;
  /** Factor on all values. */
  readonly brightness: number;
  readonly sharpen: boolean;
}

/** An image of other contrast and brightness, and sharper edges if wanted. */
export async function enhance(
  image: RgbImage,
  { contrast, brightness, sharpen }: Enhancement,
): Promise<RgbImage> {
  const changed = raw(image).linear(contrast * brightness, 127.5 * (1 - contrast));
  return pixelsOf(sharpen ? changed.sharpen() : changed);
}

/** An image with a drawing over it, an SVG of its size. */
export async function drawOver(image: RgbImage, svg: string): Promise<RgbImage> {
  return pixelsOf(raw(image).composite([{ input: Buffer.from(svg) }]));
}

function raw({ width, height, data }: RgbImage): Sharp {
  return sharp(data, { raw: { width, height, channels: 3 } });
}

async function pixelsOf(made: Sharp): Promise<RgbImage> {
  const { data, info } = await made.removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return imageOf(info.width, info.height, new Uint8Array(data));
}
