import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { imageOf } from "../../images/image.ts";
import { type ResampleFilter, resample } from "../../images/resample.ts";
import { readReferenceImage, readReferenceTensors } from "../reference_dir.ts";

const expected = await readReferenceTensors("resample/resized.safetensors");

describe("resample equals Pillow bit for bit", () => {
  test.each([...expected.keys()])("%s", async (key) => {
    const [name, filter, size] = key.split(".") as [string, ResampleFilter, string];
    const [width, height] = size.split("x").map(Number) as [number, number];
    const resized = resample(await readReferenceImage(`resample/${name}.png`), width, height, filter);
    expect([resized.height, resized.width, 3]).toEqual(expected.get(key)?.shape);
    expect(Buffer.compare(resized.data, expected.get(key)?.data as Uint8Array)).toBe(0);
  });
});

/** SHA-256 of what Pillow 12.3 gives for the pixels below, first 16 digits. */
test.each<[string, number, number, number, number, ResampleFilter]>([
  ["9b7da18433dcf3ad", 3, 301, 6, 150, "lanczos"],
  ["8b3cfee651f5a5fa", 3, 301, 6, 150, "bicubic"],
  ["66b84badd7690d3a", 3, 300, 6, 150, "lanczos"],
  ["5898f633cac12527", 3, 301, 6, 400, "lanczos"],
  ["aaf00059cd95c800", 2, 1001, 5, 40, "lanczos"],
])("a very high image is made lower first, as by Pillow: %s", (hash, width, height, ...target) => {
  const pixels = Uint8Array.from(
    { length: width * height * 3 },
    (_, i) => Math.imul(i, 2_654_435_761) >>> 24,
  );
  const { data } = resample(imageOf(width, height, pixels), ...target);
  expect(createHash("sha256").update(data).digest("hex").slice(0, 16)).toBe(hash);
});

test("an axis that keeps its size is left alone", () => {
  const image = imageOf(
    3,
    2,
    Uint8Array.from({ length: 18 }, (_, i) => i * 14),
  );
  expect(resample(image, 3, 2, "lanczos")).toBe(image);
  const wider = resample(image, 6, 2, "lanczos");
  for (let y = 0; y < 2; y++) {
    const row = imageOf(3, 1, image.data.slice(y * 9, y * 9 + 9));
    expect(wider.data.slice(y * 18, y * 18 + 18)).toEqual(resample(row, 6, 1, "lanczos").data);
  }
});

test("a plain image stays plain, and equal requests have equal ids", () => {
  const image = imageOf(5, 7, new Uint8Array(105).fill(201));
  const large = resample(image, 64, 33, "bicubic");
  expect(new Set(large.data)).toEqual(new Set([201]));
  expect(resample(image, 64, 33, "bicubic").id).toBe(large.id);
  expect(resample(image, 64, 33, "lanczos").id).not.toBe(large.id);
});

test("refuses sizes that are none", () => {
  const image = imageOf(1, 1, new Uint8Array(3));
  expect(() => resample(image, 0, 4, "lanczos")).toThrow(RangeError);
  expect(() => resample(image, 2.5, 4, "lanczos")).toThrow(RangeError);
});
