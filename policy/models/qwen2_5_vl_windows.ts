import { gather, replaceRows, zeros } from "../../autodiff/operators/index.ts";
import { input, type Tensor } from "../../autodiff/tensor.ts";
import { masked } from "./attention.ts";
import { attendWithin } from "./layers.ts";
import type { PatchGrid } from "./qwen_vl_grid.ts";
import { type AttendPatches, tileGrids } from "./qwen_vl_padding.ts";
import type { Qwen25VlVisionConfig } from "./qwen2_5_vl_config.ts";
import type { ImageBucket, ImageShape } from "./vision_language_model.ts";

/** The cells of a grid window by window, as the vision tower takes them. */
export interface Windows {
  /** For each cell in that order its number, row by row. */
  readonly order: readonly number[];
  /** How many cells each window holds: fewer at the right and at the bottom. */
  readonly sizes: readonly number[];
}

/** Cuts a grid into windows of `windowSize`² cells, from the top left. */
export function windowsOf(
  grid: PatchGrid,
  { mergeSize, windowSize }: Pick<Qwen25VlVisionConfig, "mergeSize" | "windowSize">,
): Windows {
  const [rows, cols] = [grid.height / mergeSize, grid.width / mergeSize];
  const order: number[] = [];
  const sizes: number[] = [];
  for (let top = 0; top < rows; top += windowSize)
    for (let left = 0; left < cols; left += windowSize) {
      const [bottom, right] = [Math.min(top + windowSize, rows), Math.min(left + windowSize, cols)];
      for (let row = top; row < bottom; row++)
        for (let col = left; col < right; col++) order.push(row * cols + col);
      sizes.push((bottom - top) * (right - left));
    }
  return { order, sizes };
}

/** Windows for each that the patches would fill: a grid's edges cut some short. */
const spareWindows = 1.5;

/**
 * The windows of the graphs that take such a grid, in tiles of so many patches: the same for most grids, and twice or
 * more times as many for narrow ones, whose windows are mostly empty.
 */
export function paddedWindows(grid: PatchGrid, patches: number, vision: Qwen25VlVisionConfig): number {
  const most = Math.ceil((spareWindows * patches) / windowLength(patches, vision));
  const own = windowsOf(grid, vision).sizes.length;
  return most * 2 ** Math.max(0, Math.ceil(Math.log2(own / most)));
}

/** Slots for patches in a padded window: as many as a full one holds, or the whole tile. */
function windowLength(patches: number, { windowSize, mergeSize }: Qwen25VlVisionConfig): number {
  return Math.min((windowSize * mergeSize) ** 2, patches);
}

/** Each window sees itself, in slots of which only those of its patches count. */
export function attendWindows(
  { tiles, patches, windows }: ImageBucket,
  vision: Qwen25VlVisionConfig,
): AttendPatches {
  const length = windowLength(patches, vision);
  const shape = { batch: tiles * windows, length, heads: vision.heads };
  const slots = input("window_slots", [tiles * patches], "int64");
  const bias = input("window_bias", [tiles * windows, 1, 1, length]);
  const inSlots = (x: Tensor): Tensor =>
    replaceRows(zeros([tiles * windows * length, x.shape[1] as number]), slots, x);
  return (q, k, v) =>
    gather(attendWithin(inSlots(q), inSlots(k), inSlots(v), shape, bias), slots, { unique: true });
}

/** Padding lies in the slots that are left, where nothing looks at it. */
export function windowFeeds(
  images: readonly ImageShape[],
  { tiles, patches, windows }: ImageBucket,
  vision: Qwen25VlVisionConfig,
): { readonly window_slots: BigInt64Array; readonly window_bias: Float32Array } {
  const length = windowLength(patches, vision);
  const perCell = vision.mergeSize ** 2;
  const slots = new BigInt64Array(tiles * patches);
  const bias = new Float32Array(tiles * windows * length).fill(masked);
  const grids = tileGrids(images);
  for (let tile = 0; tile < tiles; tile++) {
    const grid = grids[tile] ?? { height: 0, width: 0 };
    const first = tile * windows * length;
    const { order, sizes } = windowsOf(grid, vision);
    let cell = 0;
    sizes.forEach((cells, window) => {
      const start = first + window * length;
      bias.fill(0, start, start + cells * perCell);
      for (let slot = start; slot < start + cells * perCell; cell++)
        for (let i = 0; i < perCell; i++)
          slots[tile * patches + (order[cell] as number) * perCell + i] = BigInt(slot++);
    });
    let slot = first;
    for (let patch = grid.height * grid.width; patch < patches; patch++) {
      while (bias[slot] === 0) slot++;
      slots[tile * patches + patch] = BigInt(slot++);
    }
  }
  return { window_slots: slots, window_bias: bias };
}
