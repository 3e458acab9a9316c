import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { VisplayError } from "../../common/errors.ts";
import { deriveSeed, RandomStream } from "../../common/random.ts";
import { decodeImage, defaultLimits } from "../../images/decode.ts";

const folder = join(import.meta.dirname, "pictures/files");
/** Of every picture. */
const breakages = 12;
const limits = { ...defaultLimits, maxPixels: 2 ** 20 };

test.each(readdirSync(folder))("%s, broken by chance, is a picture or is refused", async (name) => {
  const whole = readFileSync(join(folder, name));
  for (let k = 0; k < breakages; k++) {
    const bytes = broken(whole, new RandomStream(deriveSeed(0, name, k)));
    const result = await decodeImage(bytes, name, limits).catch((error: unknown) => error);
    if (result instanceof Error) {
      expect(result).toBeInstanceOf(VisplayError);
      expect(result).toMatchObject({ code: "images", message: expect.stringMatching(/: found /) });
      expect(result.message).not.toContain("cannot be decoded");
    } else {
      const { width, height, data } = result as Awaited<ReturnType<typeof decodeImage>>;
      expect(data.length).toBe(width * height * 3);
    }
  }
});

/** A few bytes changed, most of them in the header; cut off, or with bytes put in or taken out. */
function broken(whole: Uint8Array, stream: RandomStream): Uint8Array {
  const bytes = Buffer.from(whole);
  if (bytes.length === 0) return bytes;
  for (let i = stream.integer(5); i > 0; i--) {
    const end = stream.integer(2) ? bytes.length : Math.min(bytes.length, 400);
    bytes[stream.integer(end)] = stream.integer(256);
  }
  const cut = stream.integer(bytes.length + 1);
  switch (stream.integer(4)) {
    case 0:
      return bytes.subarray(0, cut);
    case 1:
      return Buffer.concat([
        bytes.subarray(0, cut),
        Buffer.alloc(1 + stream.integer(40), 0xff),
        bytes.subarray(cut),
      ]);
    case 2:
      return Buffer.concat([bytes.subarray(0, cut), bytes.subarray(cut + 1 + stream.integer(40))]);
    default:
      return bytes;
  }
}
