import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { decodeImage, defaultLimits } from "../../images/decode.ts";
import { imageOf, type RgbImage } from "../../images/image.ts";
import { type Orientation, type Pixels, turnUpright } from "../../images/orientation.ts";
import { resample } from "../../images/resample.ts";
import { shrink, type Target } from "../../images/shrink.ts";
import type { StoredRows } from "../../images/stored_rows.ts";

const orientations: Orientation[] = [1, 2, 3, 4, 5, 6, 7, 8];

function noise(width: number, height: number): Uint8Array {
  return Uint8Array.from({ length: width * height * 3 }, (_, i) => Math.imul(i, 2_654_435_761) >>> 24);
}

/** Rows in memory, and how many were asked for at most. */
function rowsOf({ width, height, data }: Pixels): StoredRows & { readonly asked: number[] } {
  const asked: number[] = [];
  const rows = async (top: number, count: number) => {
    asked.push(count);
    return data.slice(top * width * 3, (top + count) * width * 3);
  };
  return { width, height, rows, asked };
}

function imageFrom({ width, height, data }: Pixels): RgbImage {
  return imageOf(width, height, data);
}

describe("a picture that is scaled down while it is read", () => {
  test.each<[number, number, Target]>([
    [90, 70, { width: 32, height: 24, filter: "lanczos" }],
    [90, 70, { width: 24, height: 33, filter: "bicubic" }],
    [64, 90, { width: 64, height: 40, filter: "lanczos" }],
    [3, 401, { width: 6, height: 150, filter: "lanczos" }],
    [401, 3, { width: 150, height: 6, filter: "bicubic" }],
  ])("%i x %i has the very pixels of one that is scaled as a whole", async (width, height, target) => {
    for (const orientation of orientations) {
      const stored = { width, height, data: noise(width, height) };
      const whole = imageFrom(turnUpright(stored, orientation));
      const { data } = resample(whole, target.width, target.height, target.filter);
      for (const strip of [width * height, width * 37, 1]) {
        const pixels = await shrink(rowsOf(stored), orientation, target, strip);
        expect([pixels.width, pixels.height]).toEqual([target.width, target.height]);
        expect(Buffer.compare(pixels.data, data), `orientation ${orientation}, strip ${strip}`).toBe(0);
      }
    }
  });

  test.each([1, 6] as const)("is in memory in parts only (orientation %i)", async (orientation) => {
    const stored = rowsOf({ width: 100, height: 900, data: noise(100, 900) });
    await shrink(stored, orientation, { width: 20, height: 20, filter: "bicubic" }, 100 * 300);
    expect(Math.max(...stored.asked)).toBeLessThanOrEqual(300);
    expect(stored.asked.length).toBeGreaterThan(2);
  });
});

test.each(["jpeg", "png", "webp", "tiff"] as const)("a %s is decoded to what fits", async (format) => {
  const [width, height] = [120, 90];
  const bytes = await sharp(noise(width, height), { raw: { width, height, channels: 3 } })
    .withMetadata({ orientation: 6 })
    .toFormat(format)
    .toBuffer();
  const whole = await decodeImage(bytes, "whole");
  expect([whole.width, whole.height]).toEqual([height, width]);
  const sizes: object[] = [];
  const fitted = await decodeImage(bytes, "fitted", defaultLimits, (size) => {
    sizes.push(size);
    return { width: 30, height: 40, filter: "lanczos" };
  });
  expect(sizes).toEqual([expect.objectContaining({ width: height, height: width })]);
  expect(fitted).toEqual(imageFrom(resample(whole, 30, 40, "lanczos")));
});
