import * as z from "zod";
import type { RgbImage, Size } from "../../images/image.ts";
import { box, picture, pictureAt, pixelAt, point, regionOf } from "./places.ts";
import { defineTool, type Tool } from "./tool.ts";

const measureArguments = z.strictObject({
  image: picture,
  what: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("length"), from: point, to: point }),
    z.strictObject({ kind: z.literal("angle"), corner: point, arms: z.tuple([point, point]) }),
    z.strictObject({ kind: z.literal("area"), corners: z.array(point).min(3).max(100) }),
    z.strictObject({ kind: z.literal("color"), at: point }),
    z.strictObject({ kind: z.literal("histogram"), box: box.optional() }),
  ]),
});
type Wanted = z.infer<typeof measureArguments>["what"];

/** Lengths and areas in pixels, angles in degrees, colours as red, green and blue from 0 to 255. */
export const measure: Tool = defineTool({
  name: "measure",
  description:
    "measures a picture: length (pixels), angle (degrees), area (square pixels), color (red, green, blue), histogram of brightness",
  arguments: measureArguments,
  isPure: true,
  run: async ({ image, what }, context) => [JSON.stringify(measured(pictureAt(context, image), what))],
});

function measured(image: RgbImage, what: Wanted): object {
  const scaled = (place: readonly [number, number]) => inPixels(image, place);
  switch (what.kind) {
    case "length":
      return { pixels: round(distance(scaled(what.from), scaled(what.to))) };
    case "angle": {
      const [a, b] = what.arms.map((arm) => direction(scaled(what.corner), scaled(arm))) as [number, number];
      const turn = Math.abs(a - b);
      return { degrees: round((Math.min(turn, 2 * Math.PI - turn) * 180) / Math.PI) };
    }
    case "area":
      return { square_pixels: round(area(what.corners.map(scaled))) };
    case "color": {
      const [x, y] = pixelAt(image, what.at);
      const at = 3 * (y * image.width + x);
      return { rgb: [...image.data.subarray(at, at + 3)] };
    }
    case "histogram":
      return { from_dark_to_bright: brightness(image, what.box ?? [0, 0, 1000, 1000]) };
  }
}

/** Shares of pixels in eight bins of brightness. */
function brightness(image: RgbImage, corners: readonly [number, number, number, number]): number[] {
  const { left, top, width, height } = regionOf(image, corners);
  const counts = new Array<number>(8).fill(0);
  for (let y = top; y < top + height; y++)
    for (let x = left; x < left + width; x++) {
      const at = 3 * (y * image.width + x);
      const [r = 0, g = 0, b = 0] = image.data.subarray(at, at + 3);
      const bin = Math.floor((0.299 * r + 0.587 * g + 0.114 * b) / 32);
      counts[bin] = (counts[bin] as number) + 1;
    }
  return counts.map((count) => round(count / (width * height)));
}

function inPixels({ width, height }: Size, [x, y]: readonly [number, number]): [number, number] {
  return [(x * width) / 1000, (y * height) / 1000];
}

function distance([x1, y1]: readonly [number, number], [x2, y2]: readonly [number, number]): number {
  return Math.hypot(x2 - x1, y2 - y1);
}

function direction([x1, y1]: readonly [number, number], [x2, y2]: readonly [number, number]): number {
  return Math.atan2(y2 - y1, x2 - x1);
}

/** Of a polygon, by the shoelace formula. */
function area(corners: readonly (readonly [number, number])[]): number {
  const doubled = corners.reduce((sum, [x1, y1], i) => {
    const [x2, y2] = corners[(i + 1) % corners.length] as readonly [number, number];
    return sum + x1 * y2 - x2 * y1;
  }, 0);
  return Math.abs(doubled) / 2;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
