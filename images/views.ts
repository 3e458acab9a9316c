import { deriveSeed, RandomStream } from "../common/random.ts";
import type { RgbImage } from "./image.ts";
import { applyPhotometry } from "./photometric.ts";

/**
 * The `k`-th view of an image: the same content under another brightness, contrast, colour cast and noise.
 * Nothing moves, so every question keeps its answer. View 0 is the image itself; the same arguments give the
 * same pixels.
 */
export function view(image: RgbImage, k: number, seed: number): RgbImage {
  if (k === 0) return image;
  const stream = new RandomStream(deriveSeed(seed, "view", image.id, k));
  const brightness = stream.between(-0.1, 0.1);
  const cast = () => brightness + stream.between(-0.06, 0.06);
  const photometry = {
    contrast: stream.between(0.8, 1.2),
    offset: [cast(), cast(), cast()],
    noise: stream.between(0, 0.05),
  } as const;
  const data = applyPhotometry(image.data, photometry, deriveSeed(stream.seed, "noise"));
  return { ...image, id: `${image.id}-view-${seed}-${k}`, data };
}
