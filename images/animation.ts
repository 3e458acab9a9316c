import sharp from "sharp";
import { isSequence } from "./avif.ts";
import { bufferOf, bytesInMemory } from "./bytes.ts";
import { pixelsOf, readWithin, requirePixels } from "./decode.ts";
import { evenlySpaced, type Frame, type FramesWanted, requireRoom } from "./frame.ts";
import { isCutGif } from "./gif.ts";
import { askVips, type PictureHeader, readHeader, reading } from "./header.ts";
import { imageOf } from "./image.ts";
import { isTransposed } from "./orientation.ts";
import { damagedError, unsupportedError } from "./refusal.ts";
import { storedRows } from "./stored_rows.ts";

/** Frames of a GIF or WebP; a picture of another format is its only one. Throws a `Refusal`. */
export async function readAnimation(
  path: string,
  { count, limits, shrinkTo, signal }: FramesWanted,
): Promise<Frame[]> {
  const bytes = await readWithin(path, limits);
  const header = await readHeader(bytesInMemory(bytes), bytes);
  if (header.format === "avif" && isSequence(bufferOf(bytes)))
    throw unsupportedError("avif", "a sequence; its frames can be had as WebP, GIF or video");
  if (header.format === "gif" && isCutGif(bytes)) throw damagedError("gif", "it ends within a frame");
  requirePixels(header, limits);
  const { starts, end } = await timesOf(bytes, header);
  const seen = evenlySpaced(starts, end, count);
  const { width, height, orientation } = header;
  const upright = isTransposed(orientation) ? { width: height, height: width } : { width, height };
  const target = shrinkTo(upright);
  requireRoom(seen.length, target ?? upright, limits);
  const frames: Frame[] = [];
  for (const page of seen) {
    signal.throwIfAborted();
    const pixels = await pixelsOf(storedRows(bytes, header, page), header, target);
    const image = imageOf(pixels.width, pixels.height, pixels.data);
    frames.push({ image, seconds: (starts[page] as number) / 1000 });
  }
  return frames;
}

/** What browsers show for longer: so short a time is asked for by mistake. */
const shortestMs = 10;
const usualMs = 100;

/** When frames appear, and when the last one ends, in ms. */
async function timesOf(
  bytes: Uint8Array,
  { format }: PictureHeader,
): Promise<{ readonly starts: readonly number[]; readonly end: number }> {
  if (format !== "gif" && format !== "webp") return { starts: [0], end: 0 };
  const { pages = 1, delay = [] } = await askVips(format, () => sharp(bytes, reading).metadata());
  const starts: number[] = [];
  let end = 0;
  for (let page = 0; page < pages; page++) {
    starts.push(end);
    const asked = delay[page] ?? 0;
    end += asked > shortestMs ? asked : usualMs;
  }
  return { starts, end };
}
