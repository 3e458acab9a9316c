/** A decoded image: 8-bit RGB, row-major [height, width, 3]. */
export interface RgbImage {
  /** Hash of the content; equal ids mean equal pixels. */
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
  /** Decodes one image; rejects with a `VisplayError` of code "images" if it cannot be used. */
  load(index: number): Promise<RgbImage>;
}
