import { bytesInMemory } from "../../images/bytes.ts";
import { decodeImage, readImage } from "../../images/decode.ts";
import { encodeJpeg, encodePng } from "../../images/encode.ts";
import { extensionOf, headBytes, sniff } from "../../images/format.ts";
import { readHeader } from "../../images/header.ts";
import type { Size } from "../../images/image.ts";
import { isTransposed } from "../../images/orientation.ts";
import type { Target } from "../../images/shrink.ts";
import { stripMetadata } from "../../images/strip.ts";

export interface PictureOptions {
  /** Whether places, cameras, times and comments stay in the files. */
  readonly keepMetadata: boolean;
  /** A larger picture is scaled down to about so many pixels, and coded anew; null for none. */
  readonly maxPixels: number | null;
}

/** A picture's file as it is exported. */
export interface Picture {
  readonly bytes: Uint8Array;
  /** Without a dot. */
  readonly extension: string;
}

/**
 * A picture's file: the very bytes, without metadata unless they are to stay. Pixels are coded anew only of one that is too
 * large (a JPEG as JPEG, else as PNG), and of a TIFF or AVIF, which becomes a PNG where it may not keep its metadata.
 * Throws "images" where the file cannot be used.
 */
export async function readPicture(path: string, options: PictureOptions): Promise<Picture> {
  const file = await readImage(path, path);
  const format = sniff(file.subarray(0, headBytes));
  const { keepMetadata, maxPixels } = options;
  if (format && keepMetadata && maxPixels === null) return { bytes: file, extension: extensionOf(format) };
  const header = await readHeader(bytesInMemory(file), file).catch(() => null);
  // Says what is wrong with it.
  if (!header) return { bytes: await encodePng(await decodeImage(file, path)), extension: "png" };
  const size = isTransposed(header.orientation) ? { width: header.height, height: header.width } : header;
  const target = maxPixels === null ? null : targetOf(size, maxPixels);
  if (target === null) {
    const bytes = keepMetadata ? file : stripMetadata(file, header);
    if (bytes) return { bytes, extension: extensionOf(header.format) };
  }
  const image = await decodeImage(file, path, undefined, () => target);
  return header.format === "jpeg"
    ? { bytes: await encodeJpeg(image), extension: "jpg" }
    : { bytes: await encodePng(image), extension: "png" };
}

function targetOf({ width, height }: Size, maxPixels: number): Target | null {
  const scale = Math.sqrt(maxPixels / (width * height));
  if (scale >= 1) return null;
  const scaled = (side: number): number => Math.max(1, Math.floor(side * scale));
  return { width: scaled(width), height: scaled(height), filter: "lanczos" };
}
