import { mapInSlices } from "../common/slices.ts";
import type { Size } from "./image.ts";
import { isTransposed, mirrorsOf, type Orientation, type Pixels, turnUpright } from "./orientation.ts";
import {
  horizontalFirst,
  type Kernel,
  kernel,
  mirror,
  type ResampleFilter,
  resampleColumns,
  resampleRows,
} from "./resample.ts";
import type { StoredRows } from "./stored_rows.ts";

/** What a picture is scaled down to, and how. */
export interface Target extends Size {
  readonly filter: ResampleFilter;
}

/** What an upright picture of a size is scaled down to; null keeps it as it is. */
export type Fit = (size: Size) => Target | null;

/** Pixels that are held at a time of a picture whose rows can be had in parts: 100 MB of RGB. */
export const stripPixels: number = 2 ** 25;
/** Pixels that are worked on before the thread is given to others. */
const slicePixels = 2 ** 18;

/**
 * The picture upright and scaled down, bit for bit as `resample` gives it, in memory for `strip` pixels and for what is
 * left of a picture after one of the two passes. Stored rows are resampled as they are and turned at the end.
 */
export async function shrink(
  stored: StoredRows,
  orientation: Orientation,
  { width, height, filter }: Target,
  strip: number = stripPixels,
): Promise<Pixels> {
  const transposed = isTransposed(orientation);
  const size = transposed ? { width: stored.height, height: stored.width } : stored;
  const kernels = [kernel(size.width, width, filter), kernel(size.height, height, filter)];
  const turned = mirrorsOf(orientation);
  const [across, down] = (transposed ? kernels.reverse() : kernels).map((axis, i) =>
    turned[i] ? mirror(axis) : axis,
  ) as [Kernel, Kernel];
  const rowsFirst = horizontalFirst(size, { width, height }) !== transposed;
  const passes = rowsFirst ? acrossThenDown : downThenAcross;
  const data = await passes(stored, across, down, Math.max(1, Math.floor(strip / stored.width)));
  return turnUpright({ width: across.target, height: down.target, data }, orientation);
}

/** [down.target, across.target, 3]; reads `strip` rows at a time. */
async function acrossThenDown(
  stored: StoredRows,
  across: Kernel,
  down: Kernel,
  strip: number,
): Promise<Uint8Array> {
  const narrow = new Uint8Array(stored.height * across.target * 3);
  for (const [top, end] of ranges(stored.height, strip)) {
    const rows = await stored.rows(top, end - top);
    await passAcross(rows, across, narrow.subarray(top * across.target * 3));
  }
  return passDown(narrow, across.target, down, [0, down.target], 0);
}

/** The same in the other order. */
async function downThenAcross(
  stored: StoredRows,
  across: Kernel,
  down: Kernel,
  strip: number,
): Promise<Uint8Array> {
  const low = new Uint8Array(down.target * stored.width * 3);
  const perRow = Math.max(1, down.source / down.target);
  const rowsAtOnce = Math.max(1, Math.floor((strip - down.taps) / perRow));
  for (const [start, end] of ranges(down.target, rowsAtOnce)) {
    const top = down.first[start] as number;
    const last = (down.first[end - 1] as number) + (down.count[end - 1] as number);
    const rows = await stored.rows(top, last - top);
    low.set(await passDown(rows, stored.width, down, [start, end], top), start * stored.width * 3);
  }
  const result = new Uint8Array(down.target * across.target * 3);
  await passAcross(low, across, result);
  return result;
}

async function passAcross(rows: Uint8Array, across: Kernel, into: Uint8Array): Promise<void> {
  const count = rows.length / across.source / 3;
  const slice = Math.max(1, Math.floor(slicePixels / across.source));
  await mapInSlices(ranges(count, slice), ([start, end]) => {
    const part = rows.subarray(start * across.source * 3, end * across.source * 3);
    into.set(keepsSize(across) ? part : resampleRows(part, across), start * across.target * 3);
  });
}

/** The rows from `first` to before `end` of those that come out; `rows` begin with row `top` of the picture. */
async function passDown(
  rows: Uint8Array,
  width: number,
  down: Kernel,
  [first, end]: readonly [number, number],
  top: number,
): Promise<Uint8Array> {
  if (keepsSize(down)) return rows;
  const result = new Uint8Array((end - first) * width * 3);
  const slice = Math.max(1, Math.floor(slicePixels / (width * Math.max(1, down.source / down.target))));
  await mapInSlices(ranges(end - first, slice), ([start, stop]) => {
    const part = resampleColumns(rows, width, down, [first + start, first + stop], top);
    result.set(part, start * width * 3);
  });
  return result;
}

/** An axis that keeps its size is left alone. */
function keepsSize({ source, target }: Kernel): boolean {
  return source === target;
}

/** From 0 to `length` in parts of `step`, the last of which may be shorter. */
function ranges(length: number, step: number): [start: number, end: number][] {
  return Array.from({ length: Math.ceil(length / step) }, (_, i) => [
    i * step,
    Math.min(length, (i + 1) * step),
  ]);
}
