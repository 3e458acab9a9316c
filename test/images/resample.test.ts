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
