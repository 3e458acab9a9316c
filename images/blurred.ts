import { mapInSlices } from "../common/slices.ts";
import type { RgbImage } from "./image.ts";

/**
 * The pixels of an image under a Gaussian of some deviation in pixels, cut off at three deviations, its edges drawn out: the
 * same bits on every machine. A large image does not hold the thread.
 */
export async function blurred(
  { width, height, data }: RgbImage,
  deviation: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const weights = gaussian(deviation);
  const reach = (weights.length - 1) / 2;
  const row = 3 * width;
  const rows = Array.from({ length: height }, (_, y) => y);
  const across = new Float32Array(data.length);
  const result = new Uint8ClampedArray(data.length);
  const blurAcross = (y: number): void => {
    for (let i = 0; i < row; i++) {
      let sum = 0;
      for (let tap = -reach; tap <= reach; tap++) {
        const from = within(Math.floor(i / 3) + tap, width);
        sum += (weights[tap + reach] as number) * (data[y * row + 3 * from + (i % 3)] as number);
      }
      across[y * row + i] = sum;
    }
  };
  const blurDown = (y: number): void => {
    for (let i = 0; i < row; i++) {
      let sum = 0;
      for (let tap = -reach; tap <= reach; tap++)
        sum += (weights[tap + reach] as number) * (across[within(y + tap, height) * row + i] as number);
      result[y * row + i] = sum;
    }
  };
  await mapInSlices(rows, blurAcross, signal);
  await mapInSlices(rows, blurDown, signal);
  return new Uint8Array(result.buffer);
}

/** Weights that add up to 1, the greatest in the middle. */
function gaussian(deviation: number): number[] {
  const reach = Math.ceil(3 * deviation);
  const weights = Array.from({ length: 2 * reach + 1 }, (_, i) =>
    Math.exp(-((i - reach) ** 2) / (2 * deviation ** 2)),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

function within(place: number, length: number): number {
  return Math.min(length - 1, Math.max(0, place));
}
