import { add, layerNorm, slice } from "../../autodiff/operators/index.ts";
import type { Tensor } from "../../autodiff/tensor.ts";
import { linear, type Weights } from "./layers.ts";
import type { ParameterList } from "./parameter_list.ts";
import type { QwenVlVisionConfig } from "./qwen_vl_config.ts";
import type { AttendPatches } from "./qwen_vl_padding.ts";

/** Of all norms in the vision towers, whatever the configuration says. */
export const epsilon = 1e-6;

/** A layer of a vision tower, which keeps the width: parameters' names begin with `name`. */
export type VisionLayer = (w: Weights, name: string, x: Tensor) => Tensor;

/** Where the blocks of vision towers differ. */
export interface TowerParts {
  readonly norm: VisionLayer;
  /** Whether a norm has a bias beside its weight. */
  readonly normBias: boolean;
  readonly mlp: VisionLayer;
  /** The MLP's matrices: those that widen, and the one that narrows again. */
  readonly mlpIn: readonly string[];
  readonly mlpOut: string;
}

/** A norm with weight and bias. */
export const visionLayerNorm: VisionLayer = (w, name, x) =>
  layerNorm(x, w(`${name}.weight`), w(`${name}.bias`), { epsilon });

/** A pre-norm transformer block on patches [N, D]. */
export function visionBlock(
  w: Weights,
  name: string,
  x: Tensor,
  { norm, mlp }: TowerParts,
  rotate: (x: Tensor) => Tensor,
  attend: AttendPatches,
): Tensor {
  const width = x.shape[1] as number;
  const joint = linear(w, `${name}.attn.qkv`, norm(w, `${name}.norm1`, x), true);
  const part = (i: number): Tensor => slice(joint, { axis: 1, start: i * width, end: (i + 1) * width });
  const mixed = attend(rotate(part(0)), rotate(part(1)), part(2));
  const middle = add(x, linear(w, `${name}.attn.proj`, mixed, true));
  return add(middle, mlp(w, `${name}.mlp`, norm(w, `${name}.norm2`, middle)));
}

/** Adds the parameters of a vision tower's blocks. */
export function putBlocks(
  list: ParameterList,
  { hiddenSize: D, intermediateSize: F, layers }: QwenVlVisionConfig,
  { normBias, mlpIn, mlpOut }: TowerParts,
): void {
  for (let i = 0; i < layers; i++) {
    const layer = `blocks.${i}`;
    for (const norm of ["norm1", "norm2"])
      if (normBias) list.affine(`${layer}.${norm}`, D);
      else list.put(`${layer}.${norm}.weight`, D);
    list.affine(`${layer}.attn.qkv`, 3 * D, D);
    list.affine(`${layer}.attn.proj`, D, D);
    for (const part of mlpIn) list.affine(`${layer}.mlp.${part}`, F, D);
    list.affine(`${layer}.mlp.${mlpOut}`, D, F);
  }
}
