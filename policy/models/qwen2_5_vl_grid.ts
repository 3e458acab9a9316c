import { rotationTable } from "../../autodiff/operators/rotation_table.ts";
import type { Qwen25VlVisionConfig } from "./qwen2_5_vl_config.ts";
import type { Positions } from "./vision_language_model.ts";

/** An image's patches: cells of mergeSize² patches row by row, and within each its patches row by row. */
export interface PatchGrid {
  readonly height: number;
  readonly width: number;
}

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

const visionTheta = 10_000;

/**
 * Cosines or sines by which a grid's patches turn in each head of `headSize`, [height · width, headSize / 2]: half of
 * the frequencies by the row, half by the column.
 */
export function patchRotations(
  name: "cos" | "sin",
  { height, width }: PatchGrid,
  mergeSize: number,
  headSize: number,
): Float32Array {
  const quarter = headSize / 4;
  const table = rotationTable(name, headSize / 2, visionTheta, Math.max(height, width));
  const result = new Float32Array(height * width * 2 * quarter);
  const cols = width / mergeSize;
  const perCell = mergeSize ** 2;
  for (let patch = 0; patch < height * width; patch++) {
    const [cell, inner] = [Math.floor(patch / perCell), patch % perCell];
    const row = Math.floor(cell / cols) * mergeSize + Math.floor(inner / mergeSize);
    const col = (cell % cols) * mergeSize + (inner % mergeSize);
    const start = patch * 2 * quarter;
    result.set(table.subarray(row * quarter, (row + 1) * quarter), start);
    result.set(table.subarray(col * quarter, (col + 1) * quarter), start + quarter);
  }
  return result;
}

/**
 * Multimodal positions (M-RoPE, 2409.12191, section 2.1) by time, row and column: text advances on all three; an
 * image's cells stay at one time, in rows and columns from there on; what follows stands after the largest of them.
 */
export function multimodalPositions(
  tokens: Int32Array,
  imageTokenId: number,
  grids: readonly PatchGrid[],
  mergeSize: number,
): Positions {
  const axes = [0, 1, 2].map(() => new Int32Array(tokens.length)) as [Int32Array, Int32Array, Int32Array];
  let next = 0;
  let image = 0;
  for (let t = 0; t < tokens.length; ) {
    const grid = tokens[t] === imageTokenId ? grids[image++] : { height: mergeSize, width: mergeSize };
    if (grid === undefined) throw new RangeError(`image tokens for more than ${grids.length} images`);
    const [rows, cols] = [grid.height / mergeSize, grid.width / mergeSize];
    for (let cell = 0; cell < rows * cols; cell++, t++) {
      axes[0][t] = next;
      axes[1][t] = next + Math.floor(cell / cols);
      axes[2][t] = next + (cell % cols);
    }
    next += Math.max(rows, cols);
  }
  return { axes, next };
}
