import type { RgbImage } from "../../images/image.ts";
import type { LocalPolicyOptions } from "../embedded/local_policy.ts";
import type { Replica } from "../embedded/replica.ts";

/** What a policy's thread can be asked: the port's methods, and the two ends of its life. */
export interface PolicyThread extends Omit<Replica, typeof Symbol.asyncDispose | "keepStates"> {
  open(folder: string, options: LocalPolicyOptions): Promise<void>;
  /** Releases what the policy holds; the thread is of no use afterwards. */
  close(): Promise<void>;
}

export type Method = keyof PolicyThread;

/** To the thread, in order: an image's pixels come before the first call that refers to it, `forget` after the last. */
export type ImageMessage =
  | ({ readonly kind: "pixels" } & PixelPart)
  | { readonly kind: "forget"; readonly images: readonly string[] };

/** Some of an image's pixels: large images come in parts. */
export interface PixelPart extends Pick<RgbImage, "id" | "width" | "height"> {
  /** Where `part` belongs in the image's `data`, which has `bytes`. */
  readonly start: number;
  readonly bytes: number;
  readonly part: Uint8Array<ArrayBuffer>;
}

/** Stands in a message for an image that the thread already has. */
export interface HeldImage {
  readonly heldImage: string;
}

export function isHeldImage(value: object): value is HeldImage {
  return "heldImage" in value && typeof value.heldImage === "string";
}

/** Plain data may have the same keys: the schema of a tool, for one. */
export function isImage(value: object): value is RgbImage {
  return (
    "id" in value &&
    "width" in value &&
    "height" in value &&
    "data" in value &&
    ArrayBuffer.isView(value.data)
  );
}

/**
 * A copy of plain data for a message, with objects replaced where `replace` gives something. Typed arrays that
 * are parts of larger buffers are cut out: a structured clone would carry the whole buffer along.
 */
export function pack(value: unknown, replace: (value: object) => object | undefined): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (ArrayBuffer.isView(value)) return cutOut(value);
  if (Array.isArray(value)) return value.map((item) => pack(item, replace));
  return (
    replace(value) ??
    Object.fromEntries(Object.entries(value).map(([key, item]) => [key, pack(item, replace)]))
  );
}

/** The slice of every typed array, which copies even where a subclass (Buffer) overrides it with a view. */
const { slice } = Object.getPrototypeOf(Uint8Array.prototype) as { slice(this: unknown): unknown };

/** The same elements in a buffer of just their size: the view itself where it has one. */
function cutOut<T extends ArrayBufferView>(view: T): T {
  return view.byteLength === view.buffer.byteLength ? view : (slice.call(view) as T);
}
