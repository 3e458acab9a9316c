import { open, readFile, stat } from "node:fs/promises";
import sharp, { type SharpOptions } from "sharp";
import { VisplayError } from "../common/errors.ts";
import { headBytes, type ImageFormat, nameContent, sniff, supported } from "./format.ts";
import { imageOf, type RgbImage } from "./image.ts";

/** What an image may cost; guards against decompression bombs. */
export interface ImageLimits {
  /** Largest width times height. */
  readonly maxPixels: number;
  /** Largest file size in bytes. */
  readonly maxBytes: number;
}

/** 50 megapixels, 64 MiB. */
export const defaultLimits: ImageLimits = { maxPixels: 50_000_000, maxBytes: 64 * 2 ** 20 };

/** What a usable image's header says; the size is that before EXIF rotation. */
export interface Header {
  readonly format: ImageFormat;
  readonly width: number;
  readonly height: number;
}

/** A header, or why the image cannot be used. */
export type Inspection = Header | { readonly refused: string };

// Every image is decoded once per use and held by the caller; libvips need not keep it, or its file, as well.
sharp.cache(false);

const decoding: SharpOptions = { failOn: "error", ignoreIcc: true };

/**
 * Decodes an image as the Python loaders of vision-language models do: the first frame, upright by its EXIF
 * orientation (`load_image` in transformers, `Image` in datasets), embedded RGB profiles ignored, transparency
 * over white, greyscale, CMYK and 16-bit images as 8-bit sRGB.
 * Messages begin with `name`, if there is one. Throws a `VisplayError` of code "images" if the image is damaged or over
 * a limit.
 */
export async function decodeImage(
  bytes: Uint8Array,
  name: string | null,
  limits: ImageLimits = defaultLimits,
): Promise<RgbImage> {
  return decode(bytes, limits).catch((error) => refuse(name, error));
}

/** `decodeImage` for a file, which is not read if its size is over the limit. */
export async function decodeFile(
  path: string,
  name: string = path,
  limits: ImageLimits = defaultLimits,
): Promise<RgbImage> {
  return readWithin(path, limits)
    .then((bytes) => decode(bytes, limits))
    .catch((error) => refuse(name, error));
}

/** The bytes of a file, which is not read if its size is over the limit; throws as `decodeImage` does. */
export async function readImage(
  path: string,
  name: string | null,
  limits: ImageLimits = defaultLimits,
): Promise<Uint8Array> {
  return readWithin(path, limits).catch((error) => refuse(name, error));
}

/** Checks a file by its size, its first bytes and its header, without decoding pixels. */
export async function inspectFile(path: string, limits: ImageLimits = defaultLimits): Promise<Inspection> {
  try {
    await checkFile(path, limits);
    await using file = await open(path);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0);
    // libvips reads a trailing "[...]" in a path as options.
    const input = path.endsWith("]") ? await readFile(path) : path;
    return await inspect(buffer.subarray(0, bytesRead), input, limits);
  } catch (error) {
    return { refused: reasonOf(error) };
  }
}

/** What is wrong with an image, without its name. */
class Refusal extends Error {}

function refuse(name: string | null, cause: unknown): never {
  const reason = reasonOf(cause);
  throw new VisplayError("images", name === null ? reason : `${name}: ${reason}`, { cause });
}

async function decode(bytes: Uint8Array, limits: ImageLimits): Promise<RgbImage> {
  checkSize(bytes.length, limits);
  const { format } = await inspect(bytes, bytes, limits);
  const { data, info } = await sharp(bytes, {
    ...decoding,
    autoOrient: true,
    limitInputPixels: limits.maxPixels,
  })
    .flatten({ background: "white" })
    .toColourspace("srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true })
    .catch((error) => refuseDamaged(format, error));
  return imageOf(info.width, info.height, new Uint8Array(data.buffer, data.byteOffset, data.length));
}

async function inspect(
  head: Uint8Array,
  input: Uint8Array | string,
  { maxPixels }: ImageLimits,
): Promise<Header> {
  const format = sniff(head);
  if (!format) throw new Refusal(`found ${nameContent(head)}, expected ${supported}`);
  const { width, height } = await sharp(input, { ...decoding, limitInputPixels: false })
    .metadata()
    .catch((error) => refuseDamaged(format, error));
  if (width * height <= maxPixels) return { format, width, height };
  const found = `${width}x${height} = ${width * height} pixels`;
  throw new Refusal(`found ${found}, expected at most ${maxPixels} (maxPixels)`);
}

function refuseDamaged(format: ImageFormat, cause: Error): never {
  const lines = cause.message.split("\n").filter((line) => !line.startsWith("source: "));
  const reason = lines[0]?.replace(/^Input (buffer|file) /, "");
  throw new Refusal(`found a damaged ${format} file (${reason})`, { cause });
}

async function readWithin(path: string, limits: ImageLimits): Promise<Uint8Array> {
  await checkFile(path, limits);
  return readFile(path);
}

async function checkFile(path: string, limits: ImageLimits): Promise<void> {
  const stats = await stat(path);
  if (!stats.isFile()) throw new Refusal("found no regular file");
  checkSize(stats.size, limits);
}

function checkSize(bytes: number, { maxBytes }: ImageLimits): void {
  if (bytes === 0) throw new Refusal("found an empty file (0 bytes)");
  if (bytes > maxBytes) throw new Refusal(`found ${bytes} bytes, expected at most ${maxBytes} (maxBytes)`);
}

/** Why an image cannot be used; what is neither a refusal nor an error of the file system is thrown on. */
function reasonOf(error: unknown): string {
  if (error instanceof Refusal) return error.message;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (!syscall) throw error;
  if (code === "ENOENT") return "found no such file";
  if (code === "EACCES" || code === "EPERM") return "found a file that may not be read";
  if (code === "ELOOP") return "found a symbolic link that leads to itself";
  return `found a file that cannot be read (${code})`;
}
