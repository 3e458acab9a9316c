import type { RandomStream } from "../common/random.ts";
import type { RgbImage } from "./image.ts";

/**
 * The pixels of an image that has moved, by up to 1/64 of either side and at least a pixel where it moves at all; its edges
 * are drawn out.
 */
export function moved(image: RgbImage, stream: RandomStream): Uint8Array {
  const reach = (side: number) => Math.round(stream.between(-1, 1) * Math.max(1, side / 64));
  return movedBy(image, reach(image.width), reach(image.height));
}

function movedBy({ width, height, data }: RgbImage, right: number, down: number): Uint8Array {
  const result = new Uint8Array(data.length);
  const within = (place: number, length: number) => Math.min(length - 1, Math.max(0, place));
  for (let y = 0; y < height; y++) {
    const row = width * within(y - down, height);
    for (let x = 0; x < width; x++) {
      const from = 3 * (row + within(x - right, width));
      result.set(data.subarray(from, from + 3), 3 * (width * y + x));
    }
  }
  return result;
}
