import { expect, it } from "vitest";
import { RandomStream } from "../../common/random.ts";
import { decodeImage } from "../../images/decode.ts";
import { encodePng } from "../../images/encode.ts";
import { imageOf } from "../../images/image.ts";

it.each([
  [1, 1],
  [7, 300],
  [64, 48],
])("a PNG of %d x %d decodes to the same pixels and id", async (width, height) => {
  const stream = new RandomStream(width);
  const image = imageOf(
    width,
    height,
    Uint8Array.from({ length: width * height * 3 }, () => stream.integer(256)),
  );
  expect(await decodeImage(await encodePng(image), "image.png")).toEqual(image);
});
