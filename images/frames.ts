import { open, stat } from "node:fs/promises";
import { readAnimation } from "./animation.ts";
import { defaultLimits, type ImageLimits, refuse } from "./decode.ts";
import { headBytes, mayBeVideo, nameContent, sniff } from "./format.ts";
import type { Frame } from "./frame.ts";
import { Refusal } from "./refusal.ts";
import type { Fit } from "./shrink.ts";
import { readVideo } from "./video.ts";

export interface FrameOptions extends Partial<ImageLimits> {
  /** Frames, at most. */
  readonly count: number;
  /** What each frame is scaled down to (default: kept as it is). */
  readonly shrinkTo?: Fit;
  /** For the whole file; a minute by default. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

const minuteMs = 60_000;

/**
 * Frames of an animated GIF or WebP, or of a video where ffmpeg is on the PATH: those that are seen in the middle of `count`
 * equal parts of its time, each once, so that a file of fewer frames gives all that it has. A still picture is one frame.
 * One frame is decoded at a time; `maxPixels` bounds it, and all that come out together.
 *
 * Messages begin with `name`. Throws a `VisplayError` of code "images" where the file is damaged, over a limit, of a kind
 * that is not read, or takes too long, or where there is no ffmpeg; rejects with the signal's reason where that aborts.
 */
export async function readFrames(
  path: string,
  name: string,
  { count, shrinkTo = () => null, timeoutMs = minuteMs, signal: wanted, ...overrides }: FrameOptions,
): Promise<Frame[]> {
  const limits = { ...defaultLimits, ...overrides };
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = wanted ? AbortSignal.any([wanted, timeout]) : timeout;
  try {
    const read = readerFor(await headOf(path));
    return await read(path, { count, limits, shrinkTo, signal });
  } catch (error) {
    wanted?.throwIfAborted();
    const late = timeout.aborted && new Refusal(`was not read within ${timeoutMs / 1000} s`);
    return refuse(name, late || error);
  }
}

function readerFor(head: Uint8Array): typeof readVideo {
  if (sniff(head)) return readAnimation;
  if (mayBeVideo(head)) return readVideo;
  throw new Refusal(`found ${nameContent(head)}, expected an animated GIF or WebP, or a video`);
}

async function headOf(path: string): Promise<Uint8Array> {
  // To open a pipe could wait for ever.
  if (!(await stat(path)).isFile()) throw new Refusal("found no regular file");
  const head = await readHead(path);
  if (head.length === 0) throw new Refusal("found an empty file (0 bytes)");
  return head;
}

/** The first bytes of a file, by which its format is known. */
export async function readHead(path: string): Promise<Uint8Array> {
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0);
  return buffer.subarray(0, bytesRead);
}
