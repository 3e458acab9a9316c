import { add, gather, gelu, geluTanh, mul, reshape } from "../../autodiff/operators/index.ts";
import { input, type Tensor } from "../../autodiff/tensor.ts";
import { linear, type Weights } from "./layers.ts";
import { patchPlace } from "./qwen_vl_grid.ts";
import { tileGrids } from "./qwen_vl_padding.ts";
import { type TowerParts, visionLayerNorm } from "./qwen_vl_vision.ts";
import type { Qwen3VlVisionConfig } from "./qwen3_vl_config.ts";
import type { ImageBucket, ImageShape } from "./vision_language_model.ts";

/** The blocks of Qwen3-VL's vision tower. */
export const qwen3TowerParts: TowerParts = {
  norm: visionLayerNorm,
  normBias: true,
  mlp: (w, name, x) =>
    linear(w, `${name}.linear_fc2`, geluTanh(linear(w, `${name}.linear_fc1`, x, true)), true),
  mlpIn: ["linear_fc1"],
  mlpOut: "linear_fc2",
};

/** The corners of the square of the table's points in which a patch lies. */
const corners = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
] as const;

/**
 * The learned positions of patches [tiles · patches, D]: the table's square [n², D] is stretched over a tile's grid, corners
 * on corners, and a patch has a share of each of the four points around it.
 */
export function learnedPositions(table: Tensor, { tiles, patches }: ImageBucket): Tensor {
  const count = tiles * patches;
  return corners
    .map((_, corner) => {
      const points = gather(table, input(`position_points_${corner}`, [count], "int64"), { unique: false });
      return mul(points, input(`position_shares_${corner}`, [count, 1]));
    })
    .reduce((sum, part) => add(sum, part));
}

/** Which points patches lie between, and the share of each; padding has a share of none. */
export function positionFeeds(
  images: readonly ImageShape[],
  { tiles, patches }: ImageBucket,
  { positionsPerSide: n, mergeSize }: Qwen3VlVisionConfig,
): Record<string, BigInt64Array | Float32Array> {
  const points = corners.map(() => new BigInt64Array(tiles * patches));
  const shares = corners.map(() => new Float32Array(tiles * patches));
  tileGrids(images).forEach((grid, tile) => {
    for (let patch = 0; patch < grid.height * grid.width; patch++) {
      const place = patchPlace(patch, grid, mergeSize);
      const row = between(place.row, grid.height, n);
      const col = between(place.col, grid.width, n);
      corners.forEach(([down, right], corner) => {
        const at = tile * patches + patch;
        (points[corner] as BigInt64Array)[at] = BigInt(row.points[down] * n + col.points[right]);
        (shares[corner] as Float32Array)[at] = row.shares[down] * col.shares[right];
      });
    }
  });
  return Object.fromEntries(
    corners.flatMap((_, corner) => [
      [`position_points_${corner}`, points[corner] as BigInt64Array],
      [`position_shares_${corner}`, shares[corner] as Float32Array],
    ]),
  );
}

/** The two of `points` points that place `i` of `size` lies between, and its share of each: the nearer the more. */
function between(i: number, size: number, points: number) {
  const place = Math.fround((i * (points - 1)) / Math.max(1, size - 1));
  const before = Math.floor(place);
  const share = place - before;
  return { points: [before, Math.min(before + 1, points - 1)], shares: [1 - share, share] } as const;
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
