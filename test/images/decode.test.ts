import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp, { type Sharp, type SharpOptions } from "sharp";
import { afterAll, describe, expect, test } from "vitest";
import { decodeFile, decodeImage, defaultLimits, inspectFile } from "../../images/decode.ts";
import { blank, imageOf, type RgbImage } from "../../images/image.ts";
import { pngHeader } from "../fakes/png_header.ts";
import { readReferenceImage, referencePath } from "../reference_dir.ts";

const folder = mkdtempSync(join(tmpdir(), "visplay-decode-"));
afterAll(() => rmSync(folder, { recursive: true }));

const width = 40;
const height = 24;
/** A red left half and a blue right half. */
const halves = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
  const left = Math.floor(i / 3) % width < width / 2;
  return i % 3 === (left ? 0 : 2) ? 220 : 30;
});

function pixels(): Sharp {
  return sharp(halves, { raw: { width, height, channels: 3 } });
}

function at(image: RgbImage, x: number, y: number): number[] {
  return [...image.data.subarray((y * image.width + x) * 3, (y * image.width + x) * 3 + 3)];
}

function expectNear(found: readonly number[], wanted: readonly number[], tolerance: number) {
  for (const [i, value] of found.entries()) {
    expect(Math.abs(value - (wanted[i] as number)), `${found} near ${wanted}`).toBeLessThanOrEqual(tolerance);
  }
}

describe("formats", () => {
  test.each<[string, () => Sharp, number]>([
    ["PNG", () => pixels().png(), 0],
    ["PNG with a palette", () => pixels().png({ palette: true }), 2],
    ["JPEG", () => pixels().jpeg({ quality: 95 }), 8],
    ["lossless WebP", () => pixels().webp({ lossless: true }), 0],
    ["lossy WebP", () => pixels().webp(), 12],
    ["GIF", () => pixels().gif(), 2],
    ["AVIF", () => pixels().avif({ effort: 0, quality: 80 }), 12],
    ["TIFF", () => pixels().tiff({ compression: "lzw" }), 0],
    ["16-bit PNG", () => pixels().toColourspace("rgb16").png(), 1],
  ])("%s", async (_, encode, tolerance) => {
    const image = await decodeImage(await encode().toBuffer(), "halves");
    expect([image.width, image.height, image.data.length]).toEqual([width, height, width * height * 3]);
    expectNear(at(image, 8, 12), [220, 30, 30], tolerance);
    expectNear(at(image, 32, 12), [30, 30, 220], tolerance);
  });

  test("CMYK becomes RGB by plain arithmetic", async () => {
    const muted = { create: { width: 8, height: 8, channels: 3, background: { r: 160, g: 110, b: 120 } } };
    const bytes = await sharp(muted as SharpOptions)
      .toColourspace("cmyk")
      .tiff()
      .toBuffer();
    const [c, m, y, k] = await sharp(bytes)
      .pipelineColourspace("cmyk")
      .toColourspace("cmyk")
      .raw()
      .toBuffer();
    const light = 255 - (k as number);
    const wanted = [c, m, y].map((ink) => light - ((ink as number) * light) / 255);
    expectNear(at(await decodeImage(bytes, "print"), 3, 3), wanted, 0.5);
  });

  test.each(["b-w", "grey16"])("greyscale (%s) becomes three equal channels", async (space) => {
    const bytes = await pixels().toColourspace(space).png().toBuffer();
    expect((await sharp(bytes).metadata()).channels).toBe(1);
    const [red, green, blue] = at(await decodeImage(bytes, "grey"), 3, 3);
    expect([green, blue]).toEqual([red, red]);
  });

  test("the first frame of an animation", async () => {
    const frames = Buffer.concat([Buffer.alloc(16 * 16 * 3, 10), Buffer.alloc(16 * 16 * 3, 250)]);
    const bytes = await sharp(frames, { raw: { width: 16, height: 32, channels: 3, pageHeight: 16 } })
      .gif()
      .toBuffer();
    expect((await sharp(bytes).metadata()).pages).toBe(2);
    const image = await decodeImage(bytes, "animation");
    expect([image.width, image.height]).toEqual([16, 16]);
    expectNear(at(image, 5, 5), [10, 10, 10], 2);
  });

  test.each([1, 2])("transparency lies over white (%i bytes a channel)", async (bytes) => {
    const half = {
      width: 4,
      height: 4,
      channels: 4,
      background: { r: 200, g: 0, b: 100, alpha: 0.5 },
    } as const;
    const drawn = sharp({ create: half }).toColourspace(bytes === 2 ? "rgb16" : "srgb");
    expectNear(at(await decodeImage(await drawn.png().toBuffer(), "glass"), 1, 1), [228, 127, 178], 2);
    const clear = sharp({ create: { ...half, background: { r: 0, g: 0, b: 0, alpha: 0 } } });
    expect(at(await decodeImage(await clear.png().toBuffer(), "clear"), 1, 1)).toEqual([255, 255, 255]);
  });

  test("EXIF orientation is applied", async () => {
    const bytes = await pixels().withMetadata({ orientation: 6 }).jpeg({ quality: 95 }).toBuffer();
    const image = await decodeImage(bytes, "portrait");
    expect([image.width, image.height]).toEqual([height, width]);
    expectNear(at(image, 12, 8), [220, 30, 30], 8);
    expectNear(at(image, 12, 32), [30, 30, 220], 8);
  });

  test("an embedded profile changes no pixel", async () => {
    const bytes = await pixels().png().withIccProfile("p3").toBuffer();
    expect((await sharp(bytes).metadata()).icc).toBeDefined();
    const stored = await sharp(bytes, { ignoreIcc: true }).raw().toBuffer();
    expect(Buffer.compare((await decodeImage(bytes, "p3")).data, stored)).toBe(0);
  });

  test("a reference image has the very pixels that Pillow sees", async () => {
    const image = await decodeFile(referencePath("resample/noise.png"));
    expect(image.data).toEqual((await readReferenceImage("resample/noise.png")).data);
  });
});

describe("ids", () => {
  test("equal pixels have equal ids, whatever the file", async () => {
    const [png, tiff] = await Promise.all([
      pixels().png().toBuffer(),
      pixels().tiff({ compression: "lzw" }).toBuffer(),
    ]);
    expect((await decodeImage(png, "a")).id).toBe((await decodeImage(tiff, "b")).id);
    expect((await decodeImage(png, "a")).id).toMatch(/^[0-9a-f]{32}$/);
  });

  test("another size or another pixel has another id", () => {
    const ids = [
      imageOf(2, 3, new Uint8Array(18)),
      imageOf(3, 2, new Uint8Array(18)),
      imageOf(2, 3, new Uint8Array(18).fill(1)),
    ];
    expect(new Set(ids.map(({ id }) => id)).size).toBe(3);
    expect(() => imageOf(2, 2, new Uint8Array(18))).toThrow(RangeError);
  });

  test("a blank image has the size and shows nothing", () => {
    const image = blank(imageOf(2, 3, new Uint8Array(18)));
    expect(image).toEqual({ id: "blank-2x3", width: 2, height: 3, data: new Uint8Array(18).fill(128) });
  });
});

describe("what is refused", () => {
  const refused = (bytes: Uint8Array, limits = {}) =>
    decodeImage(bytes, "x.png", { ...defaultLimits, ...limits });
  const error = (message: RegExp) =>
    expect.objectContaining({ code: "images", message: expect.stringMatching(message) });

  test.each<[string, () => Sharp, number]>([
    ["png", () => pixels().png({ compressionLevel: 0 }), 0.7],
    ["jpeg", () => pixels().jpeg(), 0.8],
    ["webp", () => pixels().webp(), 0.7],
    ["gif", () => pixels().gif(), 0.7],
    ["avif", () => pixels().avif({ effort: 0 }), 0.8],
    ["tiff", () => pixels().tiff(), 0.7],
  ])("a truncated %s", async (format, encode, share) => {
    const bytes = await encode().toBuffer();
    await expect(refused(bytes.subarray(0, bytes.length * share))).rejects.toThrow(
      error(new RegExp(`^x.png: found a damaged ${format} file \\(.+\\)$`)),
    );
  });

  test.each([
    ["nothing", "", /found an empty file/],
    ["text", "a caption", /found data of no known image format, expected PNG, JPEG/],
    ["a page", "<!DOCTYPE html><html></html>", /found an HTML page/],
    ["an SVG", '<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', /found an SVG image/],
    ["a HEIC", "\0\0\0\x18ftypmif1\0\0\0\0mif1heic", /found a HEIC image/],
    ["a signature alone", "\x89PNG\r\n\x1a\n", /found a damaged png file/],
  ])("%s", async (_, content, message) => {
    await expect(refused(Buffer.from(content, "latin1"))).rejects.toThrow(error(message));
  });

  test("a decompression bomb, by its header alone", async () => {
    await expect(refused(pngHeader(60_000, 60_000))).rejects.toThrow(
      error(
        /^x.png: found 60000x60000 = 3600000000 pixels, expected at most 128000000 \(images\.maxPixels\)$/,
      ),
    );
    const small = await pixels().png().toBuffer();
    await expect(refused(small, { maxPixels: width * height - 1 })).rejects.toThrow(error(/maxPixels/));
    await expect(refused(small, { maxPixels: width * height })).resolves.toBeDefined();
  });

  test("too many bytes", async () => {
    const bytes = await pixels().png().toBuffer();
    await expect(refused(bytes, { maxBytes: 100 })).rejects.toThrow(
      error(/expected at most 100 \(maxBytes\)/),
    );
  });

  test("a file that is not there, or is a folder", async () => {
    await expect(decodeFile(join(folder, "none.png"), "none.png")).rejects.toThrow(
      error(/^none.png: found no such file$/),
    );
    await expect(decodeFile(folder, "folder")).rejects.toThrow(error(/^folder: found no regular file$/));
  });
});

describe("inspectFile", () => {
  test("reads the header only", async () => {
    const bytes = await pixels().png({ compressionLevel: 0 }).toBuffer();
    writeFileSync(join(folder, "cut.png"), bytes.subarray(0, bytes.length / 2));
    expect(await inspectFile(join(folder, "cut.png"))).toEqual({ format: "png", width, height });
  });

  test("copes with a name that libvips would read as options", async () => {
    writeFileSync(join(folder, "photo.png[1]"), await pixels().png().toBuffer());
    expect(await inspectFile(join(folder, "photo.png[1]"))).toEqual({ format: "png", width, height });
  });
});
