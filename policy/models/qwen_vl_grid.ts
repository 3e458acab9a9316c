import { rotationTable } from "../../autodiff/operators/rotation_table.ts";

/** An image's patches: cells of mergeSize² patches row by row, and within each its patches row by row. */
export interface PatchGrid {
  readonly height: number;
  readonly width: number;
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
