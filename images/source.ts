import type { RgbImage } from "./image.ts";
import type { Fit } from "./shrink.ts";

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
  /** The very bytes that were decoded; what is drawn is encoded now. Rejects with "images" where a file has changed since. */
  bytes(): Promise<Uint8Array>;
}
