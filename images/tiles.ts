import { imageOf, type RgbImage } from "./image.ts";

/**
 * An image whose tiles, `side` in a row and in a column, are put in another order: at each place, in reading order, the
 * tile that `order` names. What is left over at the right and at the bottom is cut off.
 */
export function reorderTiles(image: RgbImage, side: number, order: readonly number[]): RgbImage {
  const [width, height] = [Math.floor(image.width / side), Math.floor(image.height / side)];
  const data = new Uint8Array(width * side * height * side * 3);
  for (const [place, tile] of order.entries())
    for (let y = 0; y < height; y++) {
      const from = (Math.floor(tile / side) * height + y) * image.width + (tile % side) * width;
      const to = ((Math.floor(place / side) * height + y) * side + (place % side)) * width;
      data.set(image.data.subarray(3 * from, 3 * (from + width)), 3 * to);
    }
  return imageOf(width * side, height * side, data);
}

/** An image with left and right exchanged. */
export function mirror({ width, height, data }: RgbImage): RgbImage {
  const mirrored = new Uint8Array(data.length);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const from = 3 * (y * width + x);
      mirrored.set(data.subarray(from, from + 3), 3 * (y * width + width - 1 - x));
    }
  return imageOf(width, height, mirrored);
}
