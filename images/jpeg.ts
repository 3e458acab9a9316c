import type { Bytes } from "./bytes.ts";
import { damagedError, unsupportedError } from "./refusal.ts";

/** What a JPEG's frame says of all its pixels. */
export interface JpegFrame {
  /** Whether scans refine the whole picture, so that no part of it can be had before the end. */
  readonly progressive: boolean;
}

/** Markers (ITU-T T.81, table B.1). */
const startOfImage = 0xd8;
const endOfImage = 0xd9;
const startOfScan = 0xda;
const restartInterval = 0xdd;
/** Huffman and arithmetic tables and an extension, which lie among the frames' markers. */
const noFrames = [0xc4, 0xc8, 0xcc];
/** Baseline, extended and progressive, with Huffman or arithmetic coding. */
const processes: readonly number[] = [0xc0, 0xc1, 0xc2, 0xc9, 0xca];
const progressive: readonly number[] = [0xc2, 0xca];

const isFrame = (marker: number): boolean => marker >= 0xc0 && marker <= 0xcf && !noFrames.includes(marker);
const isRestart = (marker: number): boolean => marker >= 0xd0 && marker <= 0xd7;
/** Stands alone, and means nothing. */
const isTemporary = (marker: number): boolean => marker === 0x01;
/** Tables, application data and comments: what a decoder reads or skips by its length. */
const hasSegment = (marker: number): boolean =>
  [0xc4, 0xcc, 0xdb, 0xdc, restartInterval, startOfScan, 0xfe].includes(marker) ||
  (marker >= 0xe0 && marker <= 0xef);

/** A frame's header (T.81, B.2.2), as it stands in the file. */
export interface FrameHeader {
  readonly process: number;
  /** Bits of a sample. */
  readonly precision: number;
  readonly height: number;
  readonly width: number;
  readonly components: number;
  /** Whether nothing but segments stands before it. */
  readonly isPlain: boolean;
}

/** The header of the frame before the first scan; null where there is none. */
export async function findFrame(bytes: Bytes): Promise<FrameHeader | null> {
  let isPlain = true;
  for (let at = 2; at < bytes.length; ) {
    const head = await bytes.read(at, 10);
    const marker = head[1] as number;
    if (head.length < 10 || marker === startOfScan) return null;
    if (head[0] !== 0xff || marker === 0xff) at++;
    else if (isFrame(marker)) return frameHeader(head, isPlain);
    else at += 2 + (isTemporary(marker) || isRestart(marker) ? 0 : head.readUInt16BE(2));
    isPlain &&= head[0] === 0xff && hasSegment(marker);
  }
  return null;
}

/** JFIF's, tables, comments: what says nothing of how a picture is turned or what its colours are. */
const isPlainSegment = (marker: number): boolean =>
  [0xc4, 0xdb, 0xe0, 0xfe, restartInterval].includes(marker);

/**
 * The frame of a JPEG as most are, by the first bytes of its file: 8 bits, grey or in three colours, and before its pixels
 * nothing but what says no more of them. Null where it is not, or the bytes do not tell.
 */
export function plainFrame(head: Buffer): FrameHeader | null {
  let frame: FrameHeader | null = null;
  for (let at = 2; at + 10 <= head.length; at += 2 + head.readUInt16BE(at + 2)) {
    const marker = head[at + 1] as number;
    if (head[at] !== 0xff) return null;
    if (marker === startOfScan) return frame;
    if (isFrame(marker) && !frame) frame = frameHeader(head.subarray(at, at + 10), true);
    else if (!isPlainSegment(marker)) return null;
    if (frame && !isOrdinary(frame)) return null;
  }
  return null;
}

function isOrdinary({ process, precision, components, width, height }: FrameHeader): boolean {
  const isKnown = process <= 0xc2 && precision === 8 && (components === 1 || components === 3);
  return isKnown && width > 0 && height > 0;
}

function frameHeader(head: Buffer, isPlain: boolean): FrameHeader {
  return {
    process: head.readUInt8(1),
    precision: head.readUInt8(4),
    height: head.readUInt16BE(5),
    width: head.readUInt16BE(7),
    components: head.readUInt8(9),
    isPlain,
  };
}

/** Null where there is no frame before the first scan; throws a `Refusal` for one that is not read. */
export async function readFrame(bytes: Bytes): Promise<JpegFrame | null> {
  const header = await findFrame(bytes);
  return header && checkFrame(header);
}

function checkFrame(frame: FrameHeader): JpegFrame {
  const { process, precision, components } = frame;
  if (!processes.includes(process)) {
    const kind = [0xc3, 0xc7, 0xcb, 0xcf].includes(process) ? "lossless" : "hierarchical";
    throw unsupportedError("jpeg", `${kind} coding`);
  }
  if (precision !== 8) throw unsupportedError("jpeg", `${precision} bits a sample, expected 8`);
  if (![1, 3, 4].includes(components))
    throw unsupportedError("jpeg", `${components} components, expected 1, 3 or 4`);
  return { progressive: isProgressiveFrame(frame) };
}

export function isProgressiveFrame({ process }: FrameHeader): boolean {
  return progressive.includes(process);
}

/**
 * Throws a `Refusal` where a JPEG breaks off at a marker that cannot stand there: recovered cards hold files that go on
 * as another one. A decoder that stops at the last row never sees it, and fills the rest with grey; libjpeg, read to the
 * end as Pillow does, takes it for an error. What is wrong within the data of a scan, or missing at the end, is left to
 * the decoder.
 */
export function requireContinuous(jpeg: Buffer): void {
  let frames = 0;
  let restarts = false;
  for (let at = 2; ; ) {
    at = jpeg.indexOf(0xff, at);
    if (at < 0) return;
    while (jpeg[at] === 0xff) at++;
    const marker = jpeg[at++];
    if (marker === undefined || marker === endOfImage) return;
    if (marker === 0 || isTemporary(marker) || isRestart(marker)) continue;
    const framed = isFrame(marker);
    if (framed || hasSegment(marker)) {
      if (framed && ++frames > 1) throw damagedError("jpeg", "a second picture begins within it");
      if (at + 4 > jpeg.length) return;
      if (marker === restartInterval) restarts = jpeg.readUInt16BE(at + 2) > 0;
      at += Math.max(2, jpeg.readUInt16BE(at));
    } else if (marker === startOfImage) throw damagedError("jpeg", "another file begins within it");
    // Between restart markers a decoder passes over markers that do not exist.
    else if (!(restarts && marker < 0xc0))
      throw damagedError("jpeg", `an impossible marker, ${marker}, within it`);
  }
}
