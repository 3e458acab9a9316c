import { createHash, type Hash } from "node:crypto";
import type { Fit } from "./shrink.ts";

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

/** An indexed, re-readable collection of images. */
export interface ImageSource {
  readonly length: number;
  /** A name for people: a path relative to the folder, or a scene's number. */
  name(index: number): string;
  /**
   * Decodes one image, scaled down to what `shrinkTo` says (default: kept as it is); rejects with a `VisplayError` of code
   * "images", which does not name it, if it cannot be used.
   */
  load(index: number, shrinkTo?: Fit): Promise<Picture>;
}

/** An image of a source in memory, and the file that it was decoded from. */
export interface Picture {
  readonly image: RgbImage;
  readonly file: ImageFile;
}

/** An image as a file. */
export interface ImageFile {
  /**
   * Which image it is, wherever it lies and whatever it is called: the SHA-256 of the file's bytes, or the `RgbImage.id`
   * of what is drawn and was never a file. Runs bind labels, records and their list of images to it.
   */
  readonly id: string;
  /** What a file of this content's format is named, without a dot. */
  readonly extension: string;
  /** The very bytes that were decoded; what is drawn is encoded now. */
  bytes(): Promise<Uint8Array>;
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
