import { VisplayError } from "../common/errors.ts";
import { decodeImage, defaultLimits, type ImageLimits } from "./decode.ts";
import { extensionOf, type ImageFormat, sniff } from "./format.ts";
import { contentId } from "./image.ts";
import type { Fit } from "./shrink.ts";
import type { ImageSource, Picture } from "./source.ts";
import type { StoredImage } from "./stored_image.ts";

/** What stands at one place of a list of images. */
export interface ListedImage {
  readonly name: string;
  /** Null where the image is no more. */
  readonly file: StoredImage | null;
  /** What it must show, see `ImageFile`; null where any content is right, which it is bound to when it is first loaded. */
  readonly content: string | null;
}

/** Images in the order of a list, each bound to what it showed when it was first loaded. */
export class ListedImages implements ImageSource {
  readonly length: number;
  readonly #images: readonly ListedImage[];
  readonly #limits: ImageLimits;
  /** What each image that was loaded shows. */
  readonly #seen = new Map<number, string>();

  constructor(images: readonly ListedImage[], limits: Partial<ImageLimits> = {}) {
    this.length = images.length;
    this.#images = images;
    this.#limits = { ...defaultLimits, ...limits };
  }

  name(index: number): string {
    return this.#at(index).name;
  }

  async load(index: number, shrinkTo?: Fit): Promise<Picture> {
    const { file, content } = this.#at(index);
    if (!file)
      throw new VisplayError("images", "it is no longer there as the run began with it, and was left out");
    const bytes = await file.read(this.#limits);
    const id = contentId(bytes);
    if ((content ?? this.#seen.get(index) ?? id) !== id) {
      throw new VisplayError("images", "the file has changed since the run first saw it");
    }
    const image = await decodeImage(bytes, null, this.#limits, shrinkTo);
    this.#seen.set(index, id);
    const extension = extensionOf(sniff(bytes) as ImageFormat);
    return { image, file: { id, extension, bytes: async () => bytes } };
  }

  #at(index: number): ListedImage {
    const image = this.#images[index];
    if (image === undefined) throw new RangeError(`image ${index} of ${this.length}`);
    return image;
  }
}
