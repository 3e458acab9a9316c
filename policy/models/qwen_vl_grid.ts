import { rotationTable } from "../../autodiff/operators/rotation_table.ts";

/** An image's patches: cells of mergeSize² patches row by row, and within each its patches row by row. */
export interface PatchGrid {
  readonly height: number;
  readonly width: number;
}

/**
 * The cells that a grid of so many is padded to: 1, 2 … 8, 10, 12, 14, 16, 20 …, four sizes from each power of two to the
 * next, so that less than a fifth is padding.
 */
export function paddedCells(cells: number): number {
  const step = 2 ** Math.max(0, Math.floor(Math.log2(cells)) - 2);
  return Math.ceil(cells / step) * step;
}

const visionTheta = 10_000;

/** Where a patch lies, counted in patches from the top left. */
export function patchPlace(
  patch: number,
  { width }: Pick<PatchGrid, "width">,
  mergeSize: number,
): { readonly row: number; readonly col: number } {
  const [cols, perCell] = [width / mergeSize, mergeSize ** 2];
  const [cell, inner] = [Math.floor(patch / perCell), patch % perCell];
  return {
    row: Math.floor(cell / cols) * mergeSize + Math.floor(inner / mergeSize),
    col: (cell % cols) * mergeSize + (inner % mergeSize),
  };
}

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
  for (let patch = 0; patch < height * width; patch++) {
    const { row, col } = patchPlace(patch, { width }, mergeSize);
    const start = patch * 2 * quarter;
    result.set(table.subarray(row * quarter, (row + 1) * quarter), start);
    result.set(table.subarray(col * quarter, (col + 1) * quarter), start + quarter);
  }
  return result;
}
