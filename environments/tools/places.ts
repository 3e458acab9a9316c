import * as z from "zod";
import { crop, type Region } from "../../images/edit.ts";
import type { RgbImage, Size } from "../../images/image.ts";
import { type ToolContext, ToolFault } from "./tool.ts";

/** A place along a side: thousandths of it, from the left or the top, whatever the picture's size. */
const place = z.number().min(0).max(1000);

/** Two corners, as models name boxes: [left, top, right, bottom]. */
export const box: z.ZodType<readonly [number, number, number, number]> = z
  .tuple([place, place, place, place])
  .refine(
    ([left, top, right, bottom]) => left < right && top < bottom,
    "expected left < right and top < bottom",
  )
  .describe("[left, top, right, bottom], in thousandths of the picture's sides");

/** [x, y]. */
export const point: z.ZodType<readonly [number, number]> = z
  .tuple([place, place])
  .describe("[x, y], in thousandths of the picture's sides");

/** Which picture a call is about. */
export const picture: z.ZodType<number> = z
  .int()
  .min(1)
  .max(1000)
  .default(1)
  .describe("which of the pictures that you were shown, from 1");

/** That picture. Throws a `ToolFault` "wrongArguments" where there are not so many. */
export function pictureAt({ images }: ToolContext, number: number): RgbImage {
  const image = images[number - 1];
  if (image) return image;
  throw new ToolFault("wrongArguments", `found picture ${number}, expected one of ${images.length}`);
}

/** The pixels of a box; one at least. */
export function regionOf(
  { width, height }: Size,
  corners: readonly [number, number, number, number],
): Region {
  const [left, top, right, bottom] = corners;
  const across = span(left, right, width);
  const down = span(top, bottom, height);
  return { left: across.start, top: down.start, width: across.length, height: down.length };
}

/** A part of a picture, and where in which it lies. */
export interface PicturePart {
  readonly whole: RgbImage;
  readonly region: Region;
  readonly image: RgbImage;
}

/** The part that a call is about. Throws as `pictureAt`. */
export function partAt(
  context: ToolContext,
  given: { readonly image: number; readonly box: readonly [number, number, number, number] },
): PicturePart {
  const whole = pictureAt(context, given.image);
  const region = regionOf(whole, given.box);
  return { whole, region, image: crop(whole, region) };
}

/** A box of pixels in a part of a picture, which may be enlarged, in thousandths of the whole picture's sides. */
export function boxIn(
  whole: Size,
  { left, top }: Pick<Region, "left" | "top">,
  [x0, y0, x1, y1]: readonly [number, number, number, number],
  scale = 1,
): [number, number, number, number] {
  const across = (x: number) => Math.round((1000 * (left + x / scale)) / whole.width);
  const down = (y: number) => Math.round((1000 * (top + y / scale)) / whole.height);
  return [across(x0), down(y0), across(x1), down(y1)];
}

/** The pixel of a point, [x, y]. */
export function pixelAt({ width, height }: Size, [x, y]: readonly [number, number]): [number, number] {
  return [
    Math.min(width - 1, Math.floor((x * width) / 1000)),
    Math.min(height - 1, Math.floor((y * height) / 1000)),
  ];
}

function span(from: number, to: number, length: number): { readonly start: number; readonly length: number } {
  const start = Math.min(length - 1, Math.floor((from * length) / 1000));
  const end = Math.max(start + 1, Math.ceil((to * length) / 1000));
  return { start, length: Math.min(length, end) - start };
}
