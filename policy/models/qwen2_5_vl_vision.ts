import {
  add,
  gather,
  layerNorm,
  mul,
  replaceRows,
  rmsNorm,
  rotaryBy,
  scale,
  sigmoid,
  slice,
  zeros,
} from "../../autodiff/operators/index.ts";
import { constant, integers, type Tensor } from "../../autodiff/tensor.ts";
import { masked } from "./attention.ts";
import { attendWithin, linear, swiglu, type Weights } from "./layers.ts";
import type { Qwen25VlConfig, Qwen25VlVisionConfig } from "./qwen2_5_vl_config.ts";
import { patchRotations, type Windows } from "./qwen2_5_vl_grid.ts";
import type { ImageShape } from "./vision_language_model.ts";

/** Of all norms in the vision tower, whatever the configuration says. */
const epsilon = 1e-6;

/** A layer of the vision tower, which keeps the width: parameters' names begin with `name`. */
type Layer = (w: Weights, name: string, x: Tensor) => Tensor;

/** Where the vision towers differ. */
interface TowerParts {
  readonly norm: Layer;
  /** Whether a norm has a bias beside its weight. */
  readonly normBias: boolean;
  readonly mlp: Layer;
  /** The MLP's matrices: those that widen, and the one that narrows again. */
  readonly mlpIn: readonly string[];
  readonly mlpOut: string;
}

export const towerParts: Readonly<Record<Qwen25VlConfig["modelType"], TowerParts>> = {
  qwen2_5_vl: {
    norm: (w, name, x) => rmsNorm(x, w(`${name}.weight`), { epsilon }),
    normBias: false,
    mlp: (w, name, x) => swiglu(w, name, x, true),
    mlpIn: ["gate_proj", "up_proj"],
    mlpOut: "down_proj",
  },
  qwen2_vl: {
    norm: (w, name, x) => layerNorm(x, w(`${name}.weight`), w(`${name}.bias`), { epsilon }),
    normBias: true,
    mlp: (w, name, x) => linear(w, `${name}.fc2`, quickGelu(linear(w, `${name}.fc1`, x, true)), true),
    mlpIn: ["fc1"],
    mlpOut: "fc2",
  },
};

/** x σ(1.702 x), which OpenAI's CLIP took for GELU. */
function quickGelu(x: Tensor): Tensor {
  return mul(x, sigmoid(scale(x, 1.702)));
}

/** Attention between patches: queries, keys and values [N, D] to [N, D]. */
export type AttendPatches = (q: Tensor, k: Tensor, v: Tensor) => Tensor;

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

/** Each image sees itself. */
export function attendWhole(image: ImageShape, heads: number): AttendPatches {
  const shape = { batch: image.tiles, length: image.height * image.width, heads };
  return (q, k, v) => attendWithin(q, k, v, shape);
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

/** Turns patches [N, heads · d], in the given order, by their rows and columns. */
export function patchRotation(
  image: ImageShape,
  order: readonly number[],
  { hiddenSize, heads, mergeSize }: Qwen25VlVisionConfig,
): (x: Tensor) => Tensor {
  const half = hiddenSize / heads / 2;
  const ordered = (name: "cos" | "sin"): Tensor => {
    const table = patchRotations(name, image, mergeSize, 2 * half);
    const data = new Float32Array(order.length * half);
    order.forEach((patch, i) => {
      const row = patch % (image.height * image.width);
      data.set(table.subarray(row * half, (row + 1) * half), i * half);
    });
    return constant(data, [order.length, half]);
  };
  const [cos, sin] = [ordered("cos"), ordered("sin")];
  return (x) => rotaryBy(x, cos, sin, { heads });
}
