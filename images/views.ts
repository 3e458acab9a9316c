import { deriveSeed, RandomStream } from "../common/random.ts";
import { blurred } from "./blurred.ts";
import { along, gammaCurves } from "./curves.ts";
import type { RgbImage } from "./image.ts";
import { moved } from "./moved.ts";
import { applyPhotometry, type Photometry } from "./photometric.ts";
import { changePixels } from "./pixels.ts";

/**
 * The `k`-th view of an image: the same content under another brightness, contrast, colour cast and noise; every other one
 * with another gamma, too, every other one out of focus, and every other one moved by up to 1/64 of the picture, so that
 * every question keeps its answer. View 0 is the image itself; the same arguments give the same pixels. A large image does
 * not hold the thread.
 */
export async function view(
  image: RgbImage,
  k: number,
  seed: number,
  signal?: AbortSignal,
): Promise<RgbImage> {
  if (k === 0) return image;
  const viewSeed = deriveSeed(seed, "view", image.id, k);
  const stream = new RandomStream(viewSeed);
  const photometry = drawPhotometry(stream);
  const noiseSeed = deriveSeed(viewSeed, "noise");
  const light = (pixels: Uint8Array, first: number) => applyPhotometry(pixels, photometry, noiseSeed, first);
  const [isBlurred, isCurved, isMoved] = [chance(stream), chance(stream), chance(stream)];
  const [deviation, gamma] = [stream.between(0.4, 1), stream.between(0.7, 1.3)];
  let data = await changePixels(image.data, light, signal);
  if (isBlurred) data = await blurred({ ...image, data }, deviation, signal);
  if (isCurved) {
    const curves = gammaCurves(gamma);
    data = await changePixels(data, (pixels) => along(curves, pixels), signal);
  }
  if (isMoved) data = moved({ ...image, data }, stream);
  return { ...image, id: `${image.id}-view-${seed}-${k}`, data };
}

function chance(stream: RandomStream): boolean {
  return stream.uniform() < 0.5;
}

function drawPhotometry(stream: RandomStream): Photometry {
  const brightness = stream.between(-0.1, 0.1);
  const cast = () => brightness + stream.between(-0.06, 0.06);
  return {
    contrast: stream.between(0.8, 1.2),
    offset: [cast(), cast(), cast()],
    noise: stream.between(0, 0.05),
  };
}
