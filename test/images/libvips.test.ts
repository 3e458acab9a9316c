import sharp from "sharp";
import { expect, test } from "vitest";
import "../../images/decode.ts";
import { keepNoImages } from "../../images/libvips.ts";

test("libvips keeps images until it is told not to; importing what decodes them does not tell it", () => {
  expect(sharp.cache().memory.max).toBeGreaterThan(0);
  keepNoImages();
  expect(sharp.cache()).toMatchObject({ memory: { max: 0 }, files: { max: 0 }, items: { max: 0 } });
});
