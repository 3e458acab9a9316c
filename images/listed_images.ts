import { VisplayError } from "../common/errors.ts";
import { decodeImage, defaultLimits, type ImageLimits } from "./decode.ts";
import { extensionOf, type ImageFormat, sniff } from "./format.ts";
import { contentId, type Size } from "./image.ts";
import type { ScaledPictures } from "./scaled_pictures.ts";
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

/** What is known of an image that was loaded. */
interface Seen {
  readonly id: string;
  readonly extension: string;
  /** Upright, before it is scaled down. */
  readonly size: Size;
  /** When its file was read, ms since 1970. */
  readonly readMs: number;
}

/** A file that changed so shortly before it was read may change again without another time of change. */
const settledMs = 2000;

/** Images in the order of a list, each bound to what it showed when it was first loaded. */
export class ListedImages implements ImageSource {
  readonly length: number;
  readonly #images: readonly ListedImage[];
  readonly #limits: ImageLimits;
  readonly #scaled: ScaledPictures | null;
  readonly #seen = new Map<number, Seen>();

  /** What is scaled down is looked for, and kept, in `scaled`. */
  constructor(
    images: readonly ListedImage[],
    limits: Partial<ImageLimits> = {},
    scaled: ScaledPictures | null = null,
  ) {
    this.length = images.length;
    this.#images = images;
    this.#limits = { ...defaultLimits, ...limits };
    this.#scaled = scaled;
  }

  name(index: number): string {
    return this.#at(index).name;
  }

  async load(index: number, shrinkTo: Fit = () => null): Promise<Picture> {
    const { file } = this.#at(index);
    if (!file)
      throw new VisplayError("images", "it is no longer there as the run began with it, and was left out");
    return (await this.#recall(index, file, shrinkTo)) ?? this.#decode(index, file, shrinkTo);
  }

  /** What was scaled down before of a file that nobody has touched since, which is not read for that; null for others. */
  async #recall(index: number, file: StoredImage, shrinkTo: Fit): Promise<Picture | null> {
    const seen = this.#seen.get(index);
    if (!seen || file.changedMs > seen.readMs - settledMs) return null;
    const target = shrinkTo(seen.size);
    if (!target || !(await file.isUntouched().catch(() => false))) return null;
    const image = await this.#scaled?.find(seen.id, target);
    const { id, extension } = seen;
    const again = async () => (await this.#read(index, file)).bytes;
    return image ? { image, file: { id, extension, bytes: again } } : null;
  }

  async #decode(index: number, file: StoredImage, shrinkTo: Fit): Promise<Picture> {
    const readMs = Date.now();
    const { bytes, id } = await this.#read(index, file);
    let size: Size = { width: 0, height: 0 };
    const fit: Fit = (upright) => {
      size = upright;
      return shrinkTo(upright);
    };
    const image = await decodeImage(bytes, null, this.#limits, fit, this.#scaled?.recall(id));
    const extension = extensionOf(sniff(bytes) as ImageFormat);
    this.#seen.set(index, { id, extension, size, readMs });
    return { image, file: { id, extension, bytes: async () => bytes } };
  }

  /** The bytes of an image's file, and their id. Rejects where it is not the one that the image is bound to. */
  async #read(index: number, file: StoredImage): Promise<{ bytes: Uint8Array; id: string }> {
    const bytes = await file.read(this.#limits);
    const id = contentId(bytes);
    const bound = this.#at(index).content ?? this.#seen.get(index)?.id ?? id;
    if (bound === id) return { bytes, id };
    throw new VisplayError("images", "the file has changed since the run first saw it");
  }

  #at(index: number): ListedImage {
    const image = this.#images[index];
    if (image === undefined) throw new RangeError(`image ${index} of ${this.length}`);
    return image;
  }
}
