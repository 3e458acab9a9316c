import { crc32 } from "node:zlib";
import { bufferOf } from "./bytes.ts";
import { orientationBlock } from "./exif.ts";
import type { ImageFormat } from "./format.ts";
import type { Orientation } from "./orientation.ts";

/** Takes out of a file what is no picture; pixels, and how they are turned, stay. Null where that cannot be done. */
type Strip = (file: Buffer, orientation: Orientation) => Buffer | null;

/**
 * Formats whose files are made of parts, so that those that are no picture can be left out and the pixels stay as they are
 * coded: EXIF with places and cameras, XMP, IPTC, comments, times, previews, and whatever lies behind the end. Colour
 * profiles stay, and of EXIF the orientation, where the picture has to be turned.
 */
const strips: Readonly<Partial<Record<ImageFormat, Strip>>> = {
  jpeg: stripJpeg,
  png: stripPng,
  webp: stripWebp,
  gif: stripGif,
};

/** A picture's file without metadata; null where it cannot be freed of them without coding its pixels anew. */
export function stripMetadata(
  file: Uint8Array,
  { format, orientation }: { readonly format: ImageFormat; readonly orientation: Orientation },
): Uint8Array | null {
  return strips[format]?.(bufferOf(file), orientation) ?? null;
}

const endOfImage = 0xd9;
const startOfScan = 0xda;

/**
 * ITU-T T.81, annex B: segments, and after the header of each scan its data up to the next marker. Metadata behind the
 * first scan cannot be left out: decoders may take up the data of a scan anew after it.
 */
function stripJpeg(file: Buffer, orientation: Orientation): Buffer | null {
  const parts = [file.subarray(0, 2)];
  if (orientation !== 1) parts.push(exifSegment(orientation));
  let isScanned = false;
  for (let at = 2; ; ) {
    const start = nextMarker(file, at);
    if (start < 0) return Buffer.concat([...parts, file.subarray(at)]);
    parts.push(file.subarray(at, start));
    const marker = file[start + 1] as number;
    if (marker === endOfImage) return Buffer.concat([...parts, file.subarray(start, start + 2)]);
    const isAlone = marker === 0x01 || start + 4 > file.length;
    const end = isAlone ? start + 2 : start + 2 + Math.max(2, file.readUInt16BE(start + 2));
    if (isPicture(marker, file.subarray(start + 4, end))) parts.push(file.subarray(start, end));
    else if (isScanned) return null;
    isScanned ||= marker === startOfScan;
    at = end;
  }
}

/** The next marker that begins a segment or ends the file, at its last fill byte; -1 for none. */
function nextMarker(file: Buffer, from: number): number {
  for (let at = file.indexOf(0xff, from); at >= 0; at = file.indexOf(0xff, at + 1)) {
    const code = file[at + 1];
    const isData = code === 0 || code === 0xff || (code !== undefined && code >= 0xd0 && code <= 0xd7);
    if (code !== undefined && !isData) return at;
  }
  return -1;
}

/** Tables, frames and scans; of application data JFIF, Adobe's note on colours and the ICC profile. */
function isPicture(marker: number, content: Buffer): boolean {
  if (marker === 0xfe) return false;
  if (marker < 0xe0 || marker > 0xef) return true;
  const name = content.toString("latin1", 0, 11);
  return (
    (marker === 0xe0 && name.startsWith("JFIF\0")) ||
    (marker === 0xe2 && name === "ICC_PROFILE") ||
    (marker === 0xee && name.startsWith("Adobe"))
  );
}

function exifSegment(orientation: Orientation): Buffer {
  const content = Buffer.concat([Buffer.from("Exif\0\0", "latin1"), orientationBlock(orientation)]);
  const head = Buffer.from([0xff, 0xe1, 0, 0]);
  head.writeUInt16BE(content.length + 2, 2);
  return Buffer.concat([head, content]);
}

const pngMetadata: ReadonlySet<string> = new Set(["eXIf", "tEXt", "zTXt", "iTXt", "tIME"]);

/** PNG, section 5.3: chunks of length, type, data and CRC after eight bytes. */
function stripPng(file: Buffer, orientation: Orientation): Buffer {
  const parts = [file.subarray(0, 8)];
  for (let at = 8; at + 12 <= file.length; ) {
    const end = at + 12 + file.readUInt32BE(at);
    const type = file.toString("latin1", at + 4, at + 8);
    if (!pngMetadata.has(type)) parts.push(file.subarray(at, end));
    if (type === "IHDR" && orientation !== 1) parts.push(pngChunk("eXIf", orientationBlock(orientation)));
    if (type === "IEND") break;
    at = end;
  }
  return Buffer.concat(parts);
}

function pngChunk(type: string, data: Buffer): Buffer {
  const chunk = Buffer.alloc(12 + data.length);
  chunk.writeUInt32BE(data.length, 0);
  chunk.write(type, 4, "latin1");
  data.copy(chunk, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + data.length)), 8 + data.length);
  return chunk;
}

const webpPicture: ReadonlySet<string> = new Set(["VP8 ", "VP8L", "VP8X", "ALPH", "ANIM", "ANMF", "ICCP"]);
/** Flags of VP8X that announce the chunks. */
const exifFlag = 0x08;
const xmpFlag = 0x04;

/** WebP container specification: RIFF chunks of type, length and data, padded to even lengths. */
function stripWebp(file: Buffer, orientation: Orientation): Buffer {
  const parts: Buffer[] = [Buffer.from(file.subarray(0, 12))];
  const fileEnd = Math.min(file.length, 8 + file.readUInt32LE(4));
  for (let at = 12; at + 8 <= fileEnd; ) {
    const end = at + 8 + file.readUInt32LE(at + 4);
    const type = file.toString("latin1", at, at + 4);
    const chunk = Buffer.from(file.subarray(at, end + (end % 2)));
    if (type === "VP8X")
      chunk[8] = ((chunk[8] as number) & ~(exifFlag | xmpFlag)) | (orientation === 1 ? 0 : exifFlag);
    if (webpPicture.has(type)) parts.push(chunk);
    at = end + (end % 2);
  }
  if (orientation !== 1) parts.push(webpExif(orientation));
  const stripped = Buffer.concat(parts);
  stripped.writeUInt32LE(stripped.length - 8, 4);
  return stripped;
}

function webpExif(orientation: Orientation): Buffer {
  const block = orientationBlock(orientation);
  const head = Buffer.from("EXIF\0\0\0\0", "latin1");
  head.writeUInt32LE(block.length, 4);
  return Buffer.concat([head, block]);
}

/** GIF89a: a screen, then extensions and frames, each ending in a row of blocks. Comments and foreign data go. */
function stripGif(file: Buffer): Buffer {
  const screen = 13 + tableBytes(file[10] as number);
  const parts = [file.subarray(0, screen)];
  for (let at = screen; at < file.length; ) {
    const kind = file[at];
    if (kind !== 0x21 && kind !== 0x2c) return Buffer.concat([...parts, file.subarray(at, at + 1)]);
    const blocks = kind === 0x21 ? at + 2 : at + 11 + tableBytes(file[at + 9] ?? 0);
    const end = endOfBlocks(file, blocks);
    if (kind === 0x2c || isGifPicture(file.subarray(at, end))) parts.push(file.subarray(at, end));
    at = end;
  }
  return Buffer.concat(parts);
}

function isGifPicture(extension: Buffer): boolean {
  if (extension[1] !== 0xff) return extension[1] !== 0xfe;
  return ["NETSCAPE2.0", "ANIMEXTS1.0"].includes(extension.toString("latin1", 3, 14));
}

function tableBytes(flags: number): number {
  return flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0;
}

function endOfBlocks(file: Buffer, from: number): number {
  let at = from;
  while (at < file.length && file[at] !== 0) at += 1 + (file[at] as number);
  return at + 1;
}
