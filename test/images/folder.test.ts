import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { commonHeader } from "../../images/common_header.ts";
import { decodeFile, decodeImage } from "../../images/decode.ts";
import { type FolderSource, openFolder } from "../../images/folder.ts";
import { imagePath, writeImage } from "../../replay/image_files.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "visplay-folder-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const size = { width: 20, height: 10 };

async function picture(format: "png" | "jpeg", grey = 100): Promise<Buffer> {
  const noise = Buffer.from(Array.from({ length: 600 }, (_, i) => (i * i + grey) % 256));
  return sharp(noise, { raw: { ...size, channels: 3 } })
    .toFormat(format)
    .toBuffer();
}

function put(name: string, content: string | Uint8Array) {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), content);
}

function names(source: FolderSource): string[] {
  return Array.from({ length: source.length }, (_, i) => source.name(i));
}

describe("openFolder", () => {
  test("finds images in sub-folders, sorted by name, without hidden files", async () => {
    const all = ["b.png", "a/z.png", "a/B/c.png", "A.png", ".hidden.png", ".git/d.png", "a.png"];
    for (const [i, name] of all.entries()) put(name, await picture("png", i));
    const source = await openFolder(folder, { concurrency: 2 });
    expect(names(source)).toEqual(["A.png", "a.png", "a/B/c.png", "a/z.png", "b.png"]);
    expect(source).toMatchObject({ skipped: [], warnings: [], ignored: 0 });
    expect((await source.load(2)).image).toMatchObject(size);
    expect(() => source.name(5)).toThrow(RangeError);
  });

  test("skips by name what cannot be used, and only counts what never claimed to be an image", async () => {
    put("good.png", await picture("png"));
    put("empty.jpg", "");
    put("page.jpg", "<html>404</html>");
    put("phone.heic", "\0\0\0\x18ftypheic\0\0\0\0mif1heic");
    put(
      "large.png",
      await sharp({ create: { width: 50, height: 50, channels: 3, background: "red" } })
        .png()
        .toBuffer(),
    );
    put("captions.json", "{}");
    put("notes", "");
    symlinkSync(join(folder, "nowhere"), join(folder, "broken.png"));
    const source = await openFolder(folder, { maxPixels: 1000 });
    expect(names(source)).toEqual(["good.png"]);
    expect(source.ignored).toBe(2);
    expect(source.skipped).toEqual([
      { name: "broken.png", reason: "found no such file" },
      { name: "empty.jpg", reason: "found an empty file (0 bytes)" },
      { name: "large.png", reason: "found 50x50 = 2500 pixels, expected at most 1000 (images.maxPixels)" },
      { name: "page.jpg", reason: expect.stringContaining("found an HTML page, expected PNG") },
      { name: "phone.heic", reason: expect.stringContaining("found a HEIC image") },
    ]);
  });

  test("uses images under a wrong name, or none, with a warning", async () => {
    put("a.jpg", await picture("png"));
    put("b", await picture("jpeg"));
    put("c.JPEG", await picture("jpeg", 5));
    const source = await openFolder(folder);
    expect(names(source)).toEqual(["a.jpg", "b", "c.JPEG"]);
    expect(source.warnings).toEqual([
      { name: "a.jpg", reason: 'the content is png, the extension ".jpg"' },
      { name: "b", reason: 'the content is jpeg, the extension ""' },
    ]);
    expect((await source.load(0)).image).toMatchObject(size);
  });

  test("a truncated image opens, and fails when loaded", async () => {
    const bytes = await picture("jpeg");
    put("cut.jpg", bytes.subarray(0, bytes.length - 60));
    const source = await openFolder(folder);
    expect(source.length).toBe(1);
    await expect(source.load(0)).rejects.toMatchObject({
      code: "images",
      message: expect.stringMatching(/^found a damaged jpeg file/),
    });
  });

  test("what was decoded is what is kept, whatever the file becomes", async () => {
    const bytes = await picture("png");
    put("a.png", bytes);
    const source = await openFolder(folder);
    const { image, file } = await source.load(0);
    put("a.png", await picture("png", 7));
    expect(await file.bytes()).toEqual(bytes);
    expect((await decodeImage(await file.bytes(), "kept")).data).toEqual(image.data);
    expect(file.id).toBe(createHash("sha256").update(bytes).digest("hex").slice(0, 32));
    rmSync(join(folder, "a.png"));
    expect(await file.bytes()).toEqual(bytes);
  });

  test.each([
    "photo.jpg?w=640",
    "x.jpg_large",
    "b.jpg!d",
    "c.jpg~",
    "photo.jpg[1]",
    "Screen Shot at 10.11.12 PM",
    "d.JPEG",
    "e.png",
    "f",
  ])("an image is kept by the format of its content: %s", async (name) => {
    put(name, await picture("jpeg"));
    const source = await openFolder(folder);
    const { file } = await source.load(0);
    expect(file.extension).toBe("jpg");
    const stored = writeImage(folder, file, await file.bytes());
    expect((await decodeFile(imagePath(folder, stored))).width).toBe(size.width);
  });

  test("an image that disappears after opening fails when loaded", async () => {
    put("a.png", await picture("png"));
    const source = await openFolder(folder);
    rmSync(join(folder, "a.png"));
    await expect(source.load(0)).rejects.toMatchObject({
      code: "images",
      message: "found no such file",
    });
  });

  test("is told how far it is", async () => {
    for (let i = 0; i < 5; i++) put(`${i}.png`, await picture("png", i));
    const seen: [number, number][] = [];
    await openFolder(folder, { progress: (done, total) => seen.push([done, total]) });
    expect(seen).toContainEqual([0, 5]);
    expect(seen.slice(-5)).toEqual([1, 2, 3, 4, 5].map((done) => [done, 5]));
  });

  test("the same content is one image, whatever it is called", async () => {
    const large = await sharp(randomBytes(300 * 300 * 3), { raw: { width: 300, height: 300, channels: 3 } })
      .png()
      .toBuffer();
    // Of one size, and different only near the end: the checksum of the last chunk but one.
    const other = Buffer.from(large);
    other[large.length - 20] = (large[large.length - 20] as number) ^ 1;
    const small = await picture("png");
    for (const name of ["b.png", "a.png", "x/c.png"]) put(name, small);
    for (const name of ["large.png", "large-copy.png"]) put(name, large);
    put("other.png", other);
    put("d.png", await picture("png", 3));
    const source = await openFolder(folder);
    expect(names(source)).toEqual(["a.png", "d.png", "large-copy.png", "other.png"]);
    expect(source.copies).toBe(3);
    const kept = await openFolder(folder, { preferred: new Set(["b.png", "x/c.png"]) });
    expect(names(kept)).toEqual(["b.png", "d.png", "large-copy.png", "other.png", "x/c.png"]);
    expect(kept.copies).toBe(2);
  });

  test("names that are no UTF-8 are read, and shown as text", async () => {
    put("a.png", await picture("png"));
    const bytes = Buffer.from("caf\xe9.png", "latin1");
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), bytes]), await picture("png", 1));
    mkdirSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from("\xfc", "latin1")]));
    writeFileSync(
      Buffer.concat([Buffer.from(`${folder}/`), Buffer.from("\xfc/b.webp", "latin1")]),
      await sharp(await picture("png", 2))
        .webp()
        .toBuffer(),
    );
    const source = await openFolder(folder);
    expect(names(source)).toEqual(["\\xFC/b.webp", "a.png", "caf\\xE9.png"]);
    expect(source.skipped).toEqual([]);
    for (const index of [0, 1, 2]) expect((await source.load(index)).image).toMatchObject(size);
  });

  test("links that lead out of the folder are followed where that is wanted, and never to what holds it", async () => {
    put("inner/a.png", await picture("png"));
    put("outside/b.png", await picture("png", 1));
    const inner = join(folder, "inner");
    symlinkSync(join(folder, "outside"), join(inner, "out"));
    symlinkSync(join(folder, "outside/b.png"), join(inner, "b.png"));
    symlinkSync("/", join(inner, "machine"));
    symlinkSync(join(inner, "a.png"), join(inner, "z.png"));
    const source = await openFolder(inner);
    expect(names(source)).toEqual(["a.png"]);
    expect(source.copies).toBe(1);
    const leadsOut = "found a link that leads out of the folder; images.followLinks follows it";
    expect(source.skipped).toEqual([
      { name: "b.png", reason: leadsOut },
      { name: "machine/", reason: leadsOut },
      { name: "out/", reason: leadsOut },
    ]);
    const followed = await openFolder(inner, { followLinks: true });
    expect(names(followed)).toEqual(["a.png", "b.png"]);
    expect(followed.copies).toBe(2);
    expect(followed.skipped).toEqual([
      { name: "machine/", reason: "found a link to a folder that holds this one" },
    ]);
  });

  test("a file that was overwritten since it was first loaded is refused", async () => {
    const large = (seed: number) =>
      sharp(
        Buffer.alloc(200 * 200 * 3, 0).map((_, i) => (i * i * seed) % 251),
        {
          raw: { width: 200, height: 200, channels: 3 },
        },
      )
        .png({ compressionLevel: 0 })
        .toBuffer();
    put("a.png", await large(1));
    const source = await openFolder(folder);
    await source.load(0);
    put("a.png", await large(2));
    await expect(source.load(0)).rejects.toMatchObject({
      code: "images",
      message: "the file has changed since the run first saw it",
    });
    put("a.png", await large(1));
    expect((await source.load(0)).image.width).toBe(200);
  });

  test("headers of the usual kinds say what the decoder finds", async () => {
    const options = [{ progressive: true }, { chromaSubsampling: "4:4:4" }, { optimiseCoding: false }];
    for (const [i, option] of options.entries()) {
      const red = sharp({ create: { width: 31 + i, height: 17, channels: 3, background: "red" } });
      const bytes = await red
        .withExif({ IFD0: { Copyright: "x".repeat(20_000) } })
        .jpeg(option)
        .toBuffer();
      expect(await commonHeader(bytes)).toEqual({ format: "jpeg", width: 31 + i, height: 17 });
      expect(await commonHeader(bytes.subarray(0, 20_000))).toBeNull();
    }
    expect(await commonHeader(await picture("png"))).toEqual({ format: "png", ...size });
    const cmyk = await sharp(await picture("jpeg"))
      .toColourspace("cmyk")
      .jpeg()
      .toBuffer();
    expect(await commonHeader(cmyk)).toBeNull();
    for (const text of ["", "\xff\xd8", "GIF89a", "x".repeat(100), `\xff\xd8${"\0".repeat(100)}`])
      expect(await commonHeader(Buffer.from(text, "latin1"))).toBeNull();
  });

  test("follows links once, also in circles", async () => {
    put("real/a.png", await picture("png"));
    symlinkSync(folder, join(folder, "real", "up"));
    symlinkSync(join(folder, "real"), join(folder, "zlink"));
    symlinkSync(join(folder, "self.png"), join(folder, "self.png"));
    const source = await openFolder(folder);
    expect(names(source)).toEqual(["real/a.png"]);
    expect(source.skipped).toEqual([
      { name: "self.png", reason: "found a symbolic link that leads to itself" },
    ]);
  });

  test("stops when told to", async () => {
    put("a.png", await picture("png"));
    const signal = AbortSignal.abort();
    await expect(openFolder(folder, { signal })).rejects.toBe(signal.reason);
  });
});

describe("a folder that cannot be used", () => {
  test("is missing, or a file", async () => {
    await expect(openFolder(join(folder, "none"))).rejects.toMatchObject({
      code: "images",
      message: expect.stringMatching(/none: found nothing, expected a folder of images$/),
    });
    put("a.png", await picture("png"));
    await expect(openFolder(join(folder, "a.png"))).rejects.toMatchObject({
      code: "images",
      message: expect.stringMatching(/a.png: found a file, expected a folder of images$/),
    });
  });

  test("holds nothing usable", async () => {
    for (let i = 0; i < 7; i++) put(`${i}.png`, "");
    put("notes.txt", "");
    await expect(openFolder(folder)).rejects.toMatchObject({
      code: "images",
      message: expect.stringMatching(
        /found no usable image among 8 files, expected PNG[^\n]*; 7 refused\n {2}0.png: found an empty file \(0 bytes\).*and 2 more$/s,
      ),
    });
  });
});
