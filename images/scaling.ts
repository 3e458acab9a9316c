import type { Size } from "./image.ts";
import type { ResampleFilter } from "./resample.ts";
import type { Target } from "./shrink.ts";

/**
 * How a processor scales an image before all else: its longer side to `longestEdge`, or both sides to multiples of
 * `factor` with pixels within bounds.
 */
export type ImageScaling = { readonly filter: ResampleFilter } & (LongestEdge | Bounds);

interface LongestEdge {
  readonly longestEdge: number;
}

/** As nearly as can be, from `minPixels` to `maxPixels`. */
interface Bounds {
  readonly factor: number;
  readonly minPixels: number;
  readonly maxPixels: number;
}

/** How many times as long as wide an image may be for `smartResize`. */
export const maxAspect = 200;

/**
 * What an image of a size can be scaled down to ahead of a processor, so that the processor gives the same, bit for bit;
 * null where it can't, which holds for what is not made smaller, and where scaling a second time would change it again.
 */
export function shrinkTarget(scaling: ImageScaling | null, image: Size): Target | null {
  const size = scaling && scaledSize(scaling, image);
  if (!size || size.width * size.height >= image.width * image.height) return null;
  const again = scaledSize(scaling, size);
  const stays = again?.width === size.width && again.height === size.height;
  return stays ? { ...size, filter: scaling.filter } : null;
}

/** The size to which an image is scaled; undefined for one that is too narrow for the model. */
function scaledSize(scaling: ImageScaling, image: Size): Size | undefined {
  return "factor" in scaling
    ? smartResize(image, scaling.factor, scaling)
    : toEdge(image, scaling.longestEdge);
}

/** The longer side at `longest`, the other in proportion, truncated, then made even. */
export function toEdge({ width, height }: Size, longest: number): Size {
  const aspect = width / height;
  const shorter = Math.trunc(width >= height ? longest / aspect : longest * aspect);
  const even = Math.max(1, shorter + (shorter % 2));
  return width >= height ? { width: longest, height: even } : { width: even, height: longest };
}

/**
 * The size to which an image is scaled, in multiples of `factor` pixels and with from `minPixels` to `maxPixels` of
 * them as nearly as it can. Undefined for an image more than 200 times as long as wide.
 */
export function smartResize(
  { width, height }: Size,
  factor: number,
  { minPixels, maxPixels }: Pick<Bounds, "minPixels" | "maxPixels">,
): Size | undefined {
  if (Math.max(height, width) / Math.min(height, width) > maxAspect) return undefined;
  const nearest = (side: number): number => roundHalfToEven(side / factor) * factor;
  const pixels = nearest(height) * nearest(width);
  if (pixels > maxPixels) {
    const shrink = Math.sqrt((height * width) / maxPixels);
    const down = (side: number): number => Math.max(factor, Math.floor(side / shrink / factor) * factor);
    return { height: down(height), width: down(width) };
  }
  if (pixels < minPixels) {
    const grow = Math.sqrt(minPixels / (height * width));
    const up = (side: number): number => Math.ceil((side * grow) / factor) * factor;
    return { height: up(height), width: up(width) };
  }
  return { height: nearest(height), width: nearest(width) };
}

/** As Python rounds. */
function roundHalfToEven(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}
