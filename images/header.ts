import sharp, { type SharpOptions } from "sharp";
import { asStill, isLimitedGrey, isSequence } from "./avif.ts";
import type { Bytes } from "./bytes.ts";
import type { Colours } from "./colours.ts";
import { headBytes, type ImageFormat, nameContent, sniff, supported } from "./format.ts";
import { type FrameHeader, isProgressiveFrame, plainFrame, readFrame } from "./jpeg.ts";
import { type Orientation, orientationOf } from "./orientation.ts";
import { damagedError, Refusal } from "./refusal.ts";
import { readTiffHeader, type Tiles } from "./tiff.ts";
import { Turns } from "./turns.ts";

/** What a picture's file says of its pixels, as they are stored. */
export interface PictureHeader {
  readonly format: ImageFormat;
  readonly width: number;
  readonly height: number;
  readonly orientation: Orientation;
  readonly colours: Colours;
  /** Whether the band after the colours is transparency. */
  readonly alpha: boolean;
  /** Whether samples have 16 bits. */
  readonly wide: boolean;
  /** Null where pixels lie row by row. */
  readonly tiles: Tiles | null;
  /** Whether the last rows can be had only after all others were kept. */
  readonly interlaced: boolean;
}

/** How libvips is to read; pixels are counted before it is asked. */
export const reading: SharpOptions = {
  failOn: "error",
  ignoreIcc: true,
  limitInputPixels: false,
  limitInputChannels: 6,
};

const turns = new Turns();

/**
 * What libvips gives, or a `Refusal` of a damaged file. Its messages lie in one buffer for all threads, so that a file
 * that fails beside others is tried once more alone for its own reason.
 */
export async function askVips<T>(format: ImageFormat, ask: () => Promise<T>): Promise<T> {
  return turns
    .together(ask)
    .catch(() => turns.alone(ask))
    .catch((error: Error) => {
      const lines = error.message.split("\n").filter((line) => !line.startsWith("source: "));
      throw damagedError(format, lines[0]?.replace(/^Input (buffer|file) /, "") ?? "", error);
    });
}

/**
 * Reads the header of a file, which libvips finds at `input`. Throws a `Refusal` if it is no picture, or one that cannot
 * be decoded.
 */
export async function readHeader(bytes: Bytes, input: Uint8Array | string): Promise<PictureHeader> {
  const head = await bytes.read(0, headBytes);
  const format = sniff(head);
  if (!format) throw new Refusal(`found ${nameContent(head)}, expected ${supported}`);
  if (format === "tiff") {
    const { orientation: tag, xmp, ...header } = await readTiffHeader(bytes);
    return {
      ...header,
      format,
      interlaced: false,
      orientation: await orientationOf(format, { tag, ...(xmp && { xmp }) }),
    };
  }
  const plain = format === "jpeg" ? plainFrame(await bytes.read(0, plainBytes)) : null;
  if (plain) return headerOf(plain);
  const frame = format === "jpeg" ? await readFrame(bytes) : null;
  const limitedGrey = format === "avif" && (await isLimitedGrey(bytes));
  // Copied whole: sequences are few.
  const source = isSequence(head) ? asStill(await bytes.read(0, bytes.length)) : input;
  const metadata = await askVips(format, () => sharp(source, reading).metadata());
  const { width, height, hasAlpha: alpha, isProgressive } = metadata;
  return {
    format,
    width,
    height,
    orientation: await orientationOf(format, metadata),
    colours: limitedGrey ? "limitedGrey" : metadata.space === "cmyk" ? "cmyk" : "rgb",
    alpha,
    wide: metadata.depth === "ushort",
    tiles: null,
    interlaced: frame?.progressive || isProgressive || !["jpeg", "png"].includes(format),
  };
}

/** All before the pixels of a JPEG that has nothing there but tables. */
const plainBytes = 2 ** 12;

/** What libvips would say of it, which takes as long as the decoding of a small picture. */
function headerOf(frame: FrameHeader): PictureHeader {
  const { width, height } = frame;
  const rows = { alpha: false, wide: false, tiles: null, interlaced: isProgressiveFrame(frame) } as const;
  return { format: "jpeg", width, height, orientation: 1, colours: "rgb", ...rows };
}
