import { open, readFile, stat } from "node:fs/promises";
import { VisplayError } from "../common/errors.ts";
import { bytesInMemory, bytesOfFile } from "./bytes.ts";
import type { ImageFormat } from "./format.ts";
import { type PictureHeader, readHeader } from "./header.ts";
import { imageOf, type RgbImage, type Size } from "./image.ts";
import { isTransposed, type Pixels, turnUpright } from "./orientation.ts";
import { Refusal, TooManyPixels } from "./refusal.ts";
import { Room } from "./room.ts";
import { type Fit, shrink, stripPixels, type Target } from "./shrink.ts";
import { type StoredRows, storedRows } from "./stored_rows.ts";
import type { FilePath } from "./walk.ts";

/** What an image may cost; guards against decompression bombs. */
export interface ImageLimits {
  /** Largest width times height. */
  readonly maxPixels: number;
  /** Largest file size in bytes. */
  readonly maxBytes: number;
}

/** 128 megapixels, 64 MiB. */
export const defaultLimits: ImageLimits = { maxPixels: 128_000_000, maxBytes: 64 * 2 ** 20 };

/** What a usable image's header says; the size is that before EXIF rotation. */
export interface Header {
  readonly format: ImageFormat;
  readonly width: number;
  readonly height: number;
}

/** A header, or why the image cannot be used. */
export type Inspection = Header | { readonly refused: string };

/** Gives a picture that was scaled down to a target before, or lets it be made. */
export type Recall = (target: Target, make: () => Promise<RgbImage>) => Promise<RgbImage>;

/**
 * Decodes an image to the pixels that Python's loaders give, on which models were trained: Pillow's (13)
 * `ImageOps.exif_transpose(Image.open(file)).convert("RGB")`.
 *
 * - The first frame, upright by EXIF or XMP.
 * - Embedded profiles play no part; CMYK becomes RGB by plain arithmetic, 16 bits by their higher byte.
 * - What is transparent lies over white, where `convert` would show whatever colour is stored behind it. In a TIFF only
 *   those extra bands are transparency that are said to be; where a GIF's frame leaves its canvas empty, there is white.
 *
 * Equal to Pillow bit for bit but for: YCbCr and premultiplied colours in TIFF (by 1 of 255), colours of an AVIF at sharp
 * edges, where they are stored at half the resolution and decoders interpolate them differently, 16-bit grey, of which
 * Pillow makes white all that is above 255 of 65535, and single colours of a PNG of other than 8 bits that are said to be
 * transparent. Damage that Pillow overlooks is overlooked, what it refuses is refused.
 *
 * What `shrinkTo` scales down is in memory in parts only, where its format allows that, and comes out as `resample` would
 * give it of the whole; `recall` may know it already. Messages begin with `name`, if there is one. Throws a `VisplayError` of code "images" whatever
 * goes wrong: the image is damaged, over a limit, or of a kind that is not read.
 */
export async function decodeImage(
  bytes: Uint8Array,
  name: string | null,
  limits: ImageLimits = defaultLimits,
  shrinkTo: Fit = () => null,
  recall: Recall = (_target, make) => make(),
): Promise<RgbImage> {
  return decode(bytes, limits, shrinkTo, recall).catch((error) => refuse(name, error));
}

/** `decodeImage` for a file, which is not read if its size is over the limit. */
export async function decodeFile(
  path: string,
  name: string = path,
  limits: ImageLimits = defaultLimits,
): Promise<RgbImage> {
  return decodeImage(await readImage(path, name, limits), name, limits);
}

/** The bytes of a file, which is not read if its size is over the limit; throws as `decodeImage` does. */
export async function readImage(
  path: FilePath,
  name: string | null,
  limits: ImageLimits = defaultLimits,
): Promise<Uint8Array> {
  return readWithin(path, limits).catch((error) => refuse(name, error));
}

/** Checks a file by its size, its first bytes and its header, without decoding pixels. */
export async function inspectFile(path: FilePath, limits: ImageLimits = defaultLimits): Promise<Inspection> {
  try {
    const size = await checkFile(path, limits);
    await using file = await open(path);
    // libvips takes no path that is no text, and reads a trailing "[...]" as options.
    const input = typeof path === "string" && !path.endsWith("]") ? path : await readFile(path);
    const header = await readHeader(bytesOfFile(file, size), input);
    requirePixels(header, limits);
    const { format, width, height } = header;
    return { format, width, height };
  } catch (error) {
    return { refused: reasonOf(error) };
  }
}

/** Throws what says why an image cannot be used, whatever went wrong. */
export function refuse(name: string | null, cause: unknown): never {
  const reason = reasonOf(cause);
  throw new VisplayError("images", name === null ? reason : `${name}: ${reason}`, { cause });
}

async function decode(
  bytes: Uint8Array,
  limits: ImageLimits,
  shrinkTo: Fit,
  recall: Recall,
): Promise<RgbImage> {
  checkSize(bytes.length, limits);
  const header = await readHeader(bytesInMemory(bytes), bytes);
  requirePixels(header, limits);
  const { width, height, orientation } = header;
  const target = shrinkTo(isTransposed(orientation) ? { width: height, height: width } : header);
  const make = async (): Promise<RgbImage> => {
    const pixels = await pixelsOf(storedRows(bytes, header), header, target);
    return imageOf(pixels.width, pixels.height, pixels.data);
  };
  return target ? recall(target, make) : make();
}

/** Pixels of all pictures that are decoded at the same time: 200 MB of RGB. */
const room = new Room(2 ** 26);

/** All of a picture, or what is wanted of it, for which it need not be in memory as a whole. */
export function pixelsOf(stored: StoredRows, header: PictureHeader, target: Target | null): Promise<Pixels> {
  const { width, height, orientation, interlaced } = header;
  const strip = target && !interlaced ? Math.min(stripPixels, width * height) : width * height;
  return room.hold(strip, async () =>
    target
      ? shrink(stored, orientation, target, strip)
      : turnUpright({ width, height, data: await stored.rows(0, height) }, orientation),
  );
}

/** Whether an image was refused for the number of its pixels. */
export function isTooLarge(error: unknown): error is VisplayError {
  return error instanceof VisplayError && error.cause instanceof TooManyPixels;
}

/** Throws a `TooManyPixels` where an image has more of them than it may. */
export function requirePixels({ width, height }: Size, { maxPixels }: ImageLimits): void {
  if (width * height <= maxPixels) return;
  const found = `${width}x${height} = ${width * height} pixels`;
  throw new TooManyPixels(`found ${found}, expected at most ${maxPixels} (images.maxPixels)`);
}

/** The bytes of a file. Throws a `Refusal`, or as the file system does. */
export async function readWithin(path: FilePath, limits: ImageLimits): Promise<Uint8Array> {
  await checkFile(path, limits);
  return readFile(path);
}

async function checkFile(path: FilePath, limits: ImageLimits): Promise<number> {
  const stats = await stat(path);
  if (!stats.isFile()) throw new Refusal("found no regular file");
  checkSize(stats.size, limits);
  return stats.size;
}

function checkSize(bytes: number, { maxBytes }: ImageLimits): void {
  if (bytes === 0) throw new Refusal("found an empty file (0 bytes)");
  if (bytes > maxBytes) throw new Refusal(`found ${bytes} bytes, expected at most ${maxBytes} (maxBytes)`);
}

/** Why an image cannot be used, whatever went wrong. */
function reasonOf(error: unknown): string {
  if (error instanceof Refusal) return error.message;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (!syscall) return `found a file that cannot be decoded (${error})`;
  if (code === "ENOENT") return "found no such file";
  if (code === "EACCES" || code === "EPERM") return "found a file that may not be read";
  if (code === "ELOOP") return "found a symbolic link that leads to itself";
  return `found a file that cannot be read (${code})`;
}
