import type { ImageLimits } from "./decode.ts";
import type { RgbImage, Size } from "./image.ts";
import { Refusal } from "./refusal.ts";
import type { Fit } from "./shrink.ts";

/** A picture of a moving one, and when it appears, in seconds from the start. */
export interface Frame {
  readonly image: RgbImage;
  readonly seconds: number;
}

/** What readers of frames are asked for. */
export interface FramesWanted {
  /** Frames, at most. */
  readonly count: number;
  readonly limits: ImageLimits;
  readonly shrinkTo: Fit;
  /** Aborts where the time is over, or the caller wants no more. */
  readonly signal: AbortSignal;
}

/**
 * Which of the frames that appear at `starts` (ascending) are seen in the middle of `count` equal parts of the time up to
 * `end`, each once.
 */
export function evenlySpaced(starts: readonly number[], end: number, count: number): number[] {
  const [start = 0] = starts;
  const seen = new Set<number>();
  for (let part = 0, at = 0; part < count; part++) {
    const moment = start + ((part + 0.5) / count) * (end - start);
    while (at + 1 < starts.length && (starts[at + 1] as number) <= moment) at++;
    seen.add(at);
  }
  return [...seen];
}

/** Throws a `Refusal` where frames of a size are more pixels than may be in memory. */
export function requireRoom(count: number, { width, height }: Size, { maxPixels }: ImageLimits): void {
  const pixels = count * width * height;
  if (pixels <= maxPixels) return;
  const found = `${count} frames of ${width}x${height} = ${pixels} pixels`;
  throw new Refusal(`found ${found}, expected at most ${maxPixels} in all; ask for fewer`);
}
