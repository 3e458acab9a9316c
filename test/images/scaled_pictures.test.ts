import { mkdir, mkdtemp, readdir, readFile, rm, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { decodeImage } from "../../images/decode.ts";
import { openFolder } from "../../images/folder.ts";
import { contentId, imageOf } from "../../images/image.ts";
import { ScaledPictures } from "../../images/scaled_pictures.ts";
import type { Fit, Target } from "../../images/shrink.ts";

let folder: string;
let cache: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "visplay-scaled-"));
  cache = join(folder, "cache");
  await mkdir(join(folder, "photos"));
});
afterEach(() => rm(folder, { recursive: true }));

const [width, height] = [160, 120];
const plenty = 1e9;
/** Room that a small picture takes. */
const share = 2 ** 16;
const target: Target = { width: 24, height: 32, filter: "lanczos" };
const fit: Fit = () => target;

function noise(seed: number): Buffer {
  const bytes = new Uint8Array(width * height * 3);
  return Buffer.from(bytes.map((_, i) => Math.imul(i + seed * 7919, 2_654_435_761) >>> 24));
}

/** The path of a photograph that lies on its side. */
async function photograph(name: string, seed: number): Promise<string> {
  const path = join(folder, "photos", name);
  const picture = sharp(noise(seed), { raw: { width, height, channels: 3 } }).withMetadata({
    orientation: 6,
  });
  await picture.toFile(path);
  return path;
}

/** As if all files had been there for a while. */
async function openPhotos(scaled: ScaledPictures | null) {
  const source = await openFolder(join(folder, "photos"), { scaled });
  const files = source.files.map((file) => Object.assign(file, { reads: 0 }));
  for (const file of files) {
    const read = file.read.bind(file);
    file.read = (limits) => {
      file.reads++;
      return read(limits);
    };
  }
  return { source, files };
}

async function cachedFiles(): Promise<string[]> {
  const names = await readdir(cache, { recursive: true }).catch(() => []);
  return names.filter((name) => /\.(rgb|tmp)/.test(name)).map((name) => join(cache, name));
}

/** Lets as much time go by as it takes for a change to be told by the time of it. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 2100));

describe("pictures that were scaled down", () => {
  test("are seen in the very same bits the second time, and recorded as the original", async () => {
    for (const [seed, name] of ["a.jpg", "b.png", "c.webp", "d.tiff"].entries()) await photograph(name, seed);
    const plain = await openPhotos(null);
    const first = await openPhotos(new ScaledPictures(cache, plenty));
    const second = await openPhotos(new ScaledPictures(cache, plenty));
    for (let i = 0; i < plain.source.length; i++) {
      const wanted = await plain.source.load(i, fit);
      expect([wanted.image.width, wanted.image.height]).toEqual([target.width, target.height]);
      for (const { source } of [first, second]) {
        const { image, file } = await source.load(i, fit);
        expect(image).toEqual(wanted.image);
        expect(file).toMatchObject({ id: wanted.file.id, extension: wanted.file.extension });
        expect(await file.bytes()).toEqual(await wanted.file.bytes());
      }
    }
    expect(await cachedFiles()).toHaveLength(4);
  });

  test("spare the reading of a file that nobody has touched, and no other", async () => {
    const path = await photograph("a.jpg", 1);
    await settle();
    const { source, files } = await openPhotos(new ScaledPictures(cache, plenty));
    const bytes = await readFile(path);
    const { image } = await source.load(0, fit);
    expect(files[0]?.reads).toBe(1);
    const again = await source.load(0, fit);
    expect(files[0]?.reads).toBe(1);
    expect(again.image).toEqual(image);
    expect(await again.file.bytes()).toEqual(bytes);
    // What is not scaled down is not kept.
    expect((await source.load(0)).image.width).toBe(height);

    const held = await source.load(0, fit);
    bytes[bytes.length - 1000] = 255 - (bytes[bytes.length - 1000] as number);
    await writeFile(path, bytes);
    await expect(source.load(0, fit)).rejects.toThrow("the file has changed since the run first saw it");
    await expect(held.file.bytes()).rejects.toThrow("the file has changed since the run first saw it");
    await rm(path);
    await expect(source.load(0, fit)).rejects.toThrow("found no such file");
  });

  test("are made anew where they are torn or damaged", async () => {
    await photograph("a.jpg", 1);
    const load = async () => (await openPhotos(new ScaledPictures(cache, plenty))).source.load(0, fit);
    const { image } = await load();
    const [path = ""] = await cachedFiles();
    const whole = await readFile(path);
    for (const bytes of [0, 1, whole.length - 33, whole.length - 1]) {
      await truncate(path, bytes);
      expect((await load()).image).toEqual(image);
      expect(await readFile(path)).toEqual(whole);
    }
    const damaged = Buffer.from(whole);
    damaged[500] = 255 - (whole[500] as number);
    await writeFile(path, damaged);
    expect((await load()).image).toEqual(image);
    expect(await readFile(path)).toEqual(whole);
  });

  test("are not kept where nothing can be written", async () => {
    await photograph("a.jpg", 1);
    await writeFile(cache, "no folder");
    const wanted = await (await openPhotos(null)).source.load(0, fit);
    const { source } = await openPhotos(new ScaledPictures(cache, plenty));
    expect((await source.load(0, fit)).image).toEqual(wanted.image);
    expect((await source.load(0, fit)).image).toEqual(wanted.image);
  });

  test("are the same for all who make them at the same time", async () => {
    for (let i = 0; i < 4; i++) await photograph(`${i}.png`, i);
    const all = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const { source } = await openPhotos(new ScaledPictures(cache, plenty));
        return Promise.all([0, 1, 2, 3].map(async (i) => (await source.load(i, fit)).image));
      }),
    );
    for (const images of all) expect(images).toEqual(all[0]);
    expect(await cachedFiles()).toHaveLength(4);
  });

  test("leave when it is full, those first that were wanted last the longest ago; others are not kept", async () => {
    const image = (seed: number) => imageOf(24, 32, new Uint8Array(24 * 32 * 3).fill(seed));
    const id = (seed: number) => contentId(Buffer.from([seed]));
    const before = new ScaledPictures(cache, plenty);
    for (let seed = 0; seed < 8; seed++) await before.keep(id(seed), target, image(seed));
    for (const path of await cachedFiles()) {
      const data = await readFile(path);
      const daysAgo = new Date(Date.now() - (100 - (data[0] as number)) * 86_400_000);
      await utimes(path, daysAgo, daysAgo);
    }
    const later = new ScaledPictures(cache, 8 * share);
    const kept = async () => {
      const found = await Promise.all(Array.from({ length: 20 }, (_, seed) => later.find(id(seed), target)));
      return found.flatMap((each, seed) => (each ? [seed] : []));
    };
    // Wanted now, and so newer than all others.
    expect(await later.find(id(0), target)).toEqual(image(0));
    await later.keep(id(8), target, image(8));
    expect(await cachedFiles()).toHaveLength(8);
    expect(await kept()).toEqual([0, 2, 3, 4, 5, 6, 7, 8]);
    // All of them are wanted by now.
    await later.keep(id(9), target, image(9));
    expect(await kept()).toEqual([0, 2, 3, 4, 5, 6, 7, 8]);
  });

  test("are not kept for what fails, or is refused", async () => {
    const bytes = await readFile(await photograph("a.png", 1));
    const scaled = new ScaledPictures(cache, plenty);
    const load = (part: Uint8Array) =>
      decodeImage(part, null, undefined, fit, scaled.recall(contentId(part)));
    await expect(load(bytes.subarray(0, bytes.length / 2))).rejects.toMatchObject({ code: "images" });
    expect(await cachedFiles()).toEqual([]);
    await load(bytes);
    const limits = { maxPixels: 100, maxBytes: 1e9 };
    const tooLarge = decodeImage(bytes, null, limits, fit, scaled.recall(contentId(bytes)));
    await expect(tooLarge).rejects.toThrow("images.maxPixels");
  });
});
