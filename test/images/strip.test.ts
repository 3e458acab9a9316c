import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { bytesInMemory } from "../../images/bytes.ts";
import { decodeImage } from "../../images/decode.ts";
import { readHeader } from "../../images/header.ts";
import { stripMetadata } from "../../images/strip.ts";

const folder = "test/cases/pictures/files";
const secret = "secret-marker-6215";

async function strip(file: Uint8Array): Promise<Uint8Array> {
  const stripped = stripMetadata(file, await readHeader(bytesInMemory(file), file));
  if (!stripped) throw new Error("this format cannot be stripped");
  return stripped;
}

describe("pictures without their metadata show the same pixels", () => {
  const files = readdirSync(folder).filter(
    (name) => /\.(jpg|png|webp|gif)$/.test(name) && name !== "application_data_within.jpg",
  );
  test.each(files)("%s", async (name) => {
    const file = readFileSync(join(folder, name));
    const image = await decodeImage(file, name).catch(() => null);
    if (!image) return;
    const stripped = await strip(file);
    expect((await decodeImage(stripped, name)).id).toBe(image.id);
    expect(stripped.length).toBeLessThanOrEqual(file.length + 40);
  });
});

describe("places, cameras, times and comments go", () => {
  const pixels = { create: { width: 40, height: 30, channels: 3 as const, background: "#3a7" } };
  const exif = {
    IFD0: { Make: secret },
    IFD3: { GPSLatitude: "52/1 30/1 0/1", GPSLatitudeRef: "N" },
  };

  test.each(["jpeg", "png", "webp"] as const)(
    "%s: EXIF with GPS, XMP, but for how it is turned",
    async (format) => {
      const xmp = `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:source="${secret}"/></rdf:RDF></x:xmpmeta>`;
      const file = await sharp(pixels)
        .withMetadata({ orientation: 6 })
        .withExifMerge(exif)
        .withXmp(xmp)
        .toFormat(format)
        .toBuffer();
      expect(file.includes(secret)).toBe(true);
      const stripped = Buffer.from(await strip(file));
      const metadata = await sharp(stripped).metadata();
      expect(stripped.includes(secret)).toBe(false);
      expect(metadata.orientation).toBe(6);
      expect(metadata.xmp).toBeUndefined();
      // A prefix and one entry.
      expect(metadata.exif?.length).toBeLessThanOrEqual(32);
      expect((await decodeImage(stripped, null)).id).toBe((await decodeImage(file, null)).id);
    },
  );

  test("an upright picture has no EXIF left at all", async () => {
    const file = await sharp(pixels)
      .withExif({ IFD0: { Make: secret } })
      .jpeg()
      .toBuffer();
    expect((await sharp(await strip(file)).metadata()).exif).toBeUndefined();
  });

  test("PNG: texts and the time", async () => {
    const file = await sharp(pixels).png().toBuffer();
    const end = file.length - 12;
    const text = pngText(secret);
    const marked = Buffer.concat([file.subarray(0, end), text, file.subarray(end), Buffer.from(secret)]);
    expect(Buffer.from(await strip(marked)).equals(file)).toBe(true);
  });

  test("JPEG: comments, and previews behind the end, but not the colour profile", async () => {
    const file = await sharp(pixels).withIccProfile("p3").jpeg().toBuffer();
    const comment = Buffer.concat([Buffer.from([0xff, 0xfe, 0, secret.length + 2]), Buffer.from(secret)]);
    const marked = Buffer.concat([file.subarray(0, 2), comment, file.subarray(2), file, Buffer.from(secret)]);
    const stripped = Buffer.from(await strip(marked));
    expect(stripped.equals(file)).toBe(true);
    expect((await sharp(stripped).metadata()).icc).toBeDefined();
  });

  test("GIF: comments", async () => {
    const file = readFileSync(join(folder, "animated.gif"));
    const screen = 13 + ((file[10] as number & 0x80) ? 3 * 2 ** (((file[10] as number) & 7) + 1) : 0);
    const comment = Buffer.concat([
      Buffer.from([0x21, 0xfe, secret.length]),
      Buffer.from(secret),
      Buffer.from([0]),
    ]);
    const marked = Buffer.concat([file.subarray(0, screen), comment, file.subarray(screen)]);
    expect(Buffer.from(await strip(marked)).equals(Buffer.from(await strip(file)))).toBe(true);
    expect(Buffer.from(await strip(marked)).includes(secret)).toBe(false);
  });
});

test("a TIFF, an AVIF, and a JPEG with something between its data have no parts that can be left out", async () => {
  for (const name of ["packbits.tif", "444.avif", "application_data_within.jpg"]) {
    const file = readFileSync(join(folder, name));
    expect(stripMetadata(file, await readHeader(bytesInMemory(file), file))).toBeNull();
  }
});

function pngText(text: string): Buffer {
  const data = Buffer.from(`Comment\0${text}`);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(data.length, 0);
  head.write("tEXt", 4);
  return Buffer.concat([head, data, Buffer.alloc(4)]);
}
