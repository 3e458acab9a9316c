import { createHash, type Hash } from "node:crypto";

/** In pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A decoded image: 8-bit RGB, row-major [height, width, 3]. */
export interface RgbImage {
  /** Names the content: equal ids mean equal pixels. A hash, or derived from another image's id. */
  readonly id: string;
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** The id of an image whose file has these bytes, 32 hex digits. */
export function contentId(bytes: Uint8Array): string {
  return idOf(createHash("sha256").update(bytes));
}

/** An id, 32 hex digits, by the SHA-256 of a content. */
export function idOf(content: Hash): string {
  return content.digest("hex").slice(0, 32);
}

/** An image of these pixels [height, width, 3], which it keeps; its id is the SHA-256 of size and pixels, 32 hex digits. */
export function imageOf(width: number, height: number, data: Uint8Array): RgbImage {
  if (data.length !== width * height * 3) {
    throw new RangeError(`${data.length} bytes for an RGB image of ${width}x${height}`);
  }
  const hash = createHash("sha256").update(`${width}x${height}:`).update(data);
  return { id: idOf(hash), width, height, data };
}

/** A mid-grey image (128 of 255) of the same size, for asking without looking. */
export function blank({ width, height }: RgbImage): RgbImage {
  return {
    id: `blank-${width}x${height}`,
    width,
    height,
    data: new Uint8Array(width * height * 3).fill(128),
  };
}
