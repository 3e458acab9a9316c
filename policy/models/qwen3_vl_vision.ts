import { gelu, geluTanh, matmul, reshape, transpose } from "../../autodiff/operators/index.ts";
import { constant, type Tensor } from "../../autodiff/tensor.ts";
import { linear, type Weights } from "./layers.ts";
import type { PatchGrid } from "./qwen_vl_grid.ts";
import { type TowerParts, visionLayerNorm } from "./qwen_vl_vision.ts";
import type { Qwen3VlVisionConfig } from "./qwen3_vl_config.ts";

/** The blocks of Qwen3-VL's vision tower. */
export const qwen3TowerParts: TowerParts = {
  norm: visionLayerNorm,
  normBias: true,
  mlp: (w, name, x) =>
    linear(w, `${name}.linear_fc2`, geluTanh(linear(w, `${name}.linear_fc1`, x, true)), true),
  mlpIn: ["linear_fc1"],
  mlpOut: "linear_fc2",
};

/**
 * The learned positions of a grid's patches [height · width, D], cell by cell: the table's square [n², D] is stretched
 * over the grid, corners on corners, and read between its points, along one axis after the other.
 */
export function learnedPositions(
  table: Tensor,
  { height, width }: PatchGrid,
  { positionsPerSide: n, mergeSize: m, hiddenSize: D }: Qwen3VlVisionConfig,
): Tensor {
  const square = reshape(table, { shape: [n, n * D] });
  const rows = reshape(matmul(interpolation(height, n), square, {}), { shape: [height, n, D] });
  const patches = matmul(interpolation(width, n), rows, {});
  const cells = reshape(patches, { shape: [height / m, m, width / m, m, D] });
  return reshape(transpose(cells, { perm: [0, 2, 1, 3, 4] }), { shape: [height * width, D] });
}

/** What `size` places take of `points` points, [size, points]: the two beside each, the nearer the more. */
function interpolation(size: number, points: number): Tensor {
  const data = new Float32Array(size * points);
  for (let i = 0; i < size; i++) {
    const place = Math.fround((i * (points - 1)) / Math.max(1, size - 1));
    const before = Math.floor(place);
    const share = place - before;
    data[i * points + before] = 1 - share;
    if (share > 0) data[i * points + before + 1] = share;
  }
  return constant(data, [size, points]);
}

/**
 * A merger: patches [N, D] to [rows, text hidden], cell by cell. The norm is of a patch, or of a whole cell in the mergers
 * of the layers that are passed on.
 */
export function mergeCells(
  w: Weights,
  name: string,
  patches: Tensor,
  { mergeSize, hiddenSize }: Qwen3VlVisionConfig,
  norm: "patch" | "cell",
): Tensor {
  const perCell = mergeSize ** 2;
  const shape = [(patches.shape[0] as number) / perCell, perCell * hiddenSize];
  const normed = (x: Tensor): Tensor => visionLayerNorm(w, `${name}.norm`, x);
  const cells = norm === "cell" ? normed(reshape(patches, { shape })) : reshape(normed(patches), { shape });
  return linear(w, `${name}.linear_fc2`, gelu(linear(w, `${name}.linear_fc1`, cells, true)), true);
}
