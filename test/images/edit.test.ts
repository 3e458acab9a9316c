import { describe, expect, test } from "vitest";
import { RandomStream } from "../../common/random.ts";
import { cover, mirror, shufflePatches } from "../../images/edit.ts";
import { imageOf, type RgbImage } from "../../images/image.ts";

function noise(width: number, height: number, seed = 1): RgbImage {
  const stream = new RandomStream(seed);
  return imageOf(
    width,
    height,
    Uint8Array.from({ length: 3 * width * height }, () => stream.integer(256)),
  );
}

function pixel({ width, data }: RgbImage, x: number, y: number): string {
  const at = 3 * (y * width + x);
  return data.subarray(at, at + 3).join();
}

function pixels(image: RgbImage): string[] {
  return Array.from({ length: image.width * image.height }, (_, i) =>
    pixel(image, i % image.width, Math.floor(i / image.width)),
  );
}

describe("mirror", () => {
  test("puts left for right, and is undone by itself", () => {
    const image = noise(7, 4);
    const mirrored = mirror(image);
    for (let y = 0; y < 4; y++)
      for (let x = 0; x < 7; x++) expect(pixel(mirrored, x, y)).toBe(pixel(image, 6 - x, y));
    expect(mirror(mirrored)).toEqual(image);
    expect(mirrored.id).not.toBe(image.id);
  });
});

describe("cover", () => {
  test.each([
    [{ left: 2, top: 1, width: 3, height: 2 }, 6],
    [{ left: -3, top: -3, width: 5, height: 4 }, 2],
    [{ left: 8, top: 0, width: 9, height: 9 }, 10],
    [{ left: 20, top: 2, width: 3, height: 3 }, 0],
  ])("makes %j grey and leaves all else", (region, covered) => {
    const image = noise(10, 5);
    const after = pixels(cover(image, region));
    const changed = pixels(image).flatMap((before, i) => (after[i] === before ? [] : [after[i]]));
    expect(changed).toEqual(Array.from({ length: covered }, () => "128,128,128"));
  });
});

describe("shuffled patches", () => {
  test.each([
    [64, 64, 16],
    [50, 33, 8],
    [5, 40, 16],
  ])("of %i x %i hold the same pixels, in whole patches", (width, height, side) => {
    const image = noise(width, height);
    const shuffled = shufflePatches(image, side, 4);
    expect(pixels(shuffled).sort()).toEqual(pixels(image).sort());
    expect(shuffled.id).not.toBe(image.id);
    expect(shufflePatches(image, side, 4)).toEqual(shuffled);
    expect(shufflePatches(image, side, 5).id).not.toBe(shuffled.id);
    const [across, down] = [Math.max(1, Math.floor(width / side)), Math.max(1, Math.floor(height / side))];
    const patch = (of: RgbImage, left: number, top: number) =>
      Array.from({ length: across * down }, (_, i) =>
        pixel(of, left + (i % across), top + Math.floor(i / across)),
      ).join(" ");
    const patchesOf = (of: RgbImage) =>
      Array.from({ length: Math.min(side, width) * Math.min(side, height) }, (_, i) => {
        const columns = Math.min(side, width);
        return patch(of, (i % columns) * across, Math.floor(i / columns) * down);
      }).sort();
    expect(patchesOf(shuffled)).toEqual(patchesOf(image));
  });
});
