import { readFile } from "node:fs/promises";
import { decodeImage, readImage } from "./decode.ts";
import { encodePng } from "./encode.ts";
import { headBytes, type ImageFormat, sniff } from "./format.ts";
import type { RgbImage, Size } from "./image.ts";
import type { Target } from "./shrink.ts";

/** A file as browsers show it. */
export interface Preview {
  readonly bytes: Uint8Array;
  /** Media type. */
  readonly type: string;
}

/** Formats that every browser shows. */
const shown: Readonly<Partial<Record<ImageFormat, string>>> = {
  png: "image/png",
  jpeg: "image/jpeg",
  webp: "image/webp",
  gif: "image/gif",
  avif: "image/avif",
};

/** A file that is no larger is given as it is. */
const smallBytes = 32 * 2 ** 10;

/**
 * An image file for a browser, no wider and no higher than `longest` pixels; as large as it is where that is null. Given as
 * it is where a browser can show that and it is small, else as PNG. Throws "images" as `decodeImage` does.
 */
export async function previewOf(path: string, longest: number | null): Promise<Preview> {
  const bytes = await readFile(path);
  const format = sniff(bytes.subarray(0, headBytes));
  const type = format && shown[format];
  if (type && (longest === null || bytes.length <= smallBytes)) return { bytes, type };
  const image = await decodeWithin(bytes, longest === null ? null : { width: longest, height: longest });
  return { bytes: await encodePng(image), type: "image/png" };
}

/** The picture in a file, no larger than a box. Throws "images" as `decodeImage` does. */
export async function pictureWithin(path: string, box: Size): Promise<RgbImage> {
  return decodeWithin(await readImage(path, null), box);
}

function decodeWithin(bytes: Uint8Array, box: Size | null): Promise<RgbImage> {
  return decodeImage(bytes, null, undefined, (size) => (box ? within(size, box) : null));
}

/** Null where it is no larger already. */
function within({ width, height }: Size, box: Size): Target | null {
  const scale = Math.min(box.width / width, box.height / height);
  if (scale >= 1) return null;
  const scaled = (side: number) => Math.max(1, Math.round(side * scale));
  return { width: scaled(width), height: scaled(height), filter: "lanczos" };
}
