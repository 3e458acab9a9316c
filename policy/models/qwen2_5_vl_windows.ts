import { gather, replaceRows, zeros } from "../../autodiff/operators/index.ts";
import { constant, integers, type Tensor } from "../../autodiff/tensor.ts";
import { masked } from "./attention.ts";
import { attendWithin } from "./layers.ts";
import type { PatchGrid } from "./qwen_vl_grid.ts";
import type { AttendPatches } from "./qwen_vl_vision.ts";
import type { Qwen25VlVisionConfig } from "./qwen2_5_vl_config.ts";

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

/** The same order of patches instead of cells, for `tiles` images one after the other. */
export function patchOrder(cells: readonly number[], mergeSize: number, tiles: number): number[] {
  const perCell = mergeSize ** 2;
  return Array.from({ length: tiles }, (_, tile) =>
    cells.flatMap((cell) =>
      Array.from({ length: perCell }, (_, i) => (tile * cells.length + cell) * perCell + i),
    ),
  ).flat();
}

/** Each window sees itself; smaller ones are padded to the size of the largest. */
export function attendWindows(
  { sizes }: Windows,
  tiles: number,
  { heads, mergeSize }: Qwen25VlVisionConfig,
): AttendPatches {
  const lengths = Array.from({ length: tiles }, () => sizes.map((cells) => cells * mergeSize ** 2)).flat();
  const length = Math.max(...lengths);
  const shape = { batch: lengths.length, length, heads };
  if (lengths.every((n) => n === length)) return (q, k, v) => attendWithin(q, k, v, shape);

  const slots = integers(lengths.flatMap((n, i) => Array.from({ length: n }, (_, t) => i * length + t)));
  const bias = constant(
    Float32Array.from(lengths.flatMap((n) => Array.from({ length }, (_, t) => (t < n ? 0 : masked)))),
    [lengths.length, 1, 1, length],
  );
  const padded = (x: Tensor): Tensor =>
    replaceRows(zeros([lengths.length * length, x.shape[1] as number]), slots, x);
  return (q, k, v) =>
    gather(attendWithin(padded(q), padded(k), padded(v), shape, bias), slots, { unique: true });
}
