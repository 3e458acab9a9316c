import sharp, { type Sharp } from "sharp";
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
