import { add, gather, mul, rotaryBy, slice } from "../../autodiff/operators/index.ts";
import { rotationTable } from "../../autodiff/operators/rotation_table.ts";
import { constant, type Tensor } from "../../autodiff/tensor.ts";
import type { PatchGrid } from "./qwen_vl_grid.ts";
import type { Positions } from "./vision_language_model.ts";

/**
 * Multimodal positions (M-RoPE, 2409.12191, section 2.1) by time, row and column: text advances on all three; an
 * image's cells stay at one time, in rows and columns from there on; what follows stands after the largest of them. The
 * first of `length` tokens stands at `first`.
 */
export function multimodalPositions(
  length: number,
  images: readonly (PatchGrid & { readonly start: number })[],
  mergeSize: number,
  first = 0,
): Positions {
  const axes = [0, 1, 2].map(() => new Int32Array(length)) as [Int32Array, Int32Array, Int32Array];
  let next = first;
  let image = 0;
  for (let t = 0; t < length; ) {
    const shown = images[image]?.start === t ? images[image++] : undefined;
    const { height, width } = shown ?? { height: mergeSize, width: mergeSize };
    const [rows, cols] = [height / mergeSize, width / mergeSize];
    for (let cell = 0; cell < rows * cols; cell++, t++) {
      axes[0][t] = next;
      axes[1][t] = next + Math.floor(cell / cols);
      axes[2][t] = next + (cell % cols);
    }
    next += Math.max(rows, cols);
  }
  if (image < images.length)
    throw new RangeError(`${images.length} images, ${image} of them among the tokens`);
  return { axes, next };
}

/** The axis by which each frequency of a head turns: section by section. */
export function sectionedAxes(sections: readonly number[]): number[] {
  return sections.flatMap((size, axis) => Array.from({ length: size }, () => axis));
}

/** The axis by which each frequency of a head turns: in turn, as long as an axis' section lasts, and then by time. */
export function interleavedAxes(sections: readonly number[], frequencies: number): number[] {
  return Array.from({ length: frequencies }, (_, i) => {
    const axis = i % sections.length;
    return i < sections.length * (sections[axis] as number) ? axis : 0;
  });
}

/** How a text model's heads turn. */
export interface MultimodalRotation {
  readonly headDim: number;
  readonly theta: number;
  /** The axis by which each frequency turns, [headDim / 2]. */
  readonly axes: readonly number[];
}

/** Turns rows [N, heads · headDim] at positions [axes · N], all below `maxPositions`. */
export function multimodalRotation(
  positions: Tensor,
  maxPositions: number,
  rotation: MultimodalRotation,
): (x: Tensor, heads: number) => Tensor {
  const [cos, sin] = (["cos", "sin"] as const).map((name) => angles(name, positions, maxPositions, rotation));
  return (x, heads) => rotaryBy(x, cos as Tensor, sin as Tensor, { heads });
}

/** Cosines or sines [N, headDim / 2]: those of every axis, of which each frequency keeps one. */
function angles(
  name: "cos" | "sin",
  positions: Tensor,
  maxPositions: number,
  { headDim, theta, axes }: MultimodalRotation,
): Tensor {
  const half = headDim / 2;
  const table = constant(rotationTable(name, headDim, theta, maxPositions), [maxPositions, half]);
  const count = (positions.shape[0] as number) / 3;
  const parts = [0, 1, 2].map((axis) => {
    const own = slice(positions, { axis: 0, start: axis * count, end: (axis + 1) * count });
    const kept = Float32Array.from(axes, (chosen) => Number(chosen === axis));
    return mul(gather(table, own, { unique: false }), constant(kept, [half]));
  });
  return parts.reduce((a, b) => add(a, b));
}
