import { readFile } from "node:fs/promises";
import { decodeImage } from "./decode.ts";
import { encodePng } from "./encode.ts";
import { headBytes, type ImageFormat, sniff } from "./format.ts";
import type { Size } from "./image.ts";

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
  const image = await decodeImage(bytes, null, undefined, (size) => within(size, longest));
  return { bytes: await encodePng(image), type: "image/png" };
}

function within({ width, height }: Size, longest: number | null) {
  const scale = longest === null ? 1 : longest / Math.max(width, height);
  if (scale >= 1) return null;
  const toScale = (side: number) => Math.max(1, Math.round(side * scale));
  return { width: toScale(width), height: toScale(height), filter: "lanczos" } as const;
}
