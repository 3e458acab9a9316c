import { add, layerNorm, matmul, reshape, slice } from "../../autodiff/operators/index.ts";
import type { Tensor } from "../../autodiff/tensor.ts";
import { linear, type Weights } from "./layers.ts";
import type { QwenVlVisionConfig } from "./qwen_vl_config.ts";
import type { AttendPatches } from "./qwen_vl_padding.ts";
import type { ParameterGroup, ParameterSpec } from "./vision_language_model.ts";

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

/** Patches [N, patchWidth] to [N, D], by the kernel that the checkpoint has for a convolution; its bias is optional. */
export function embedPatches(w: Weights, name: string, patches: Tensor, width: number, bias = false): Tensor {
  const kernel = reshape(w(`${name}.weight`), { shape: [width, patches.shape[1] as number] });
  const embedded = matmul(patches, kernel, { transB: true });
  return bias ? add(embedded, w(`${name}.bias`)) : embedded;
}

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

/** Collects the parameters of one group whose names begin with `prefix`. */
export class ParameterList {
  readonly specs: ParameterSpec[] = [];
  readonly #prefix: string;
  readonly #group: ParameterGroup;

  constructor(prefix: string, group: ParameterGroup) {
    this.#prefix = prefix;
    this.#group = group;
  }

  put(part: string, ...shape: number[]): void {
    this.specs.push({ name: `${this.#prefix}.${part}`, shape, group: this.#group });
  }

  /** Weight and bias: of a linear layer [out, in], of a norm [width]. */
  affine(part: string, ...shape: number[]): void {
    this.put(`${part}.weight`, ...shape);
    this.put(`${part}.bias`, shape[0] as number);
  }
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
