import { deriveSeed, RandomStream } from "../common/random.ts";
import { mapInSlices } from "../common/slices.ts";
import type { RgbImage } from "./image.ts";
import { applyPhotometry, type Photometry } from "./photometric.ts";

/** Values of an image that are changed at once. */
const partSize = 3 * 2 ** 15;

/**
 * The `k`-th view of an image: the same content under another brightness, contrast, colour cast and noise.
 * Nothing moves, so every question keeps its answer. View 0 is the image itself; the same arguments give the
 * same pixels. A large image does not hold the thread.
 */
export async function view(
  image: RgbImage,
  k: number,
  seed: number,
  signal?: AbortSignal,
): Promise<RgbImage> {
  if (k === 0) return image;
  const viewSeed = deriveSeed(seed, "view", image.id, k);
  const photometry = drawPhotometry(new RandomStream(viewSeed));
  const noiseSeed = deriveSeed(viewSeed, "noise");
  const data = new Uint8Array(image.data.length);
  const starts = Array.from({ length: Math.ceil(data.length / partSize) }, (_, part) => part * partSize);
  const change = (start: number): void => {
    const part = image.data.subarray(start, start + partSize);
    data.set(applyPhotometry(part, photometry, noiseSeed, start), start);
  };
  await mapInSlices(starts, change, signal);
  return { ...image, id: `${image.id}-view-${seed}-${k}`, data };
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
