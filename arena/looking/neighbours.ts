import { zip } from "../../common/zip.ts";
import type { ImageFeatures } from "../../policy/port.ts";

/** An image as one vector: the mean of its rows, [width]. */
export function meanFeatures({ width, data }: ImageFeatures): Float64Array {
  const mean = new Float64Array(width);
  for (let i = 0; i < data.length; i++) mean[i % width] = (mean[i % width] as number) + (data[i] as number);
  return mean.map((sum) => (sum * width) / data.length);
}

/**
 * Which images find themselves: whose view, by the cosine of features less the images' mean, is nearer to them than to any
 * other, [images]; all features are vectors of one width.
 */
export function selfFound(images: readonly Float64Array[], views: readonly Float64Array[]): boolean[] {
  const [first] = images;
  if (!first) return [];
  const centre = first.map(
    (_, i) => images.reduce((sum, image) => sum + (image[i] as number), 0) / images.length,
  );
  const unit = (features: Float64Array) => {
    const centred = features.map((value, i) => value - (centre[i] as number));
    const length = Math.hypot(...centred) || 1;
    return centred.map((value) => value / length);
  };
  const units = images.map(unit);
  return zip(images, views).map(([, view], own) => {
    const looked = unit(view);
    const likeness = units.map((image) =>
      image.reduce((sum, value, i) => sum + value * (looked[i] as number), 0),
    );
    return likeness.every((value, other) => other === own || value < (likeness[own] as number));
  });
}
