import { mul, rmsNorm, scale, sigmoid } from "../../autodiff/operators/index.ts";
import type { Tensor } from "../../autodiff/tensor.ts";
import { linear, swiglu } from "./layers.ts";
import { epsilon, type TowerParts, visionLayerNorm } from "./qwen_vl_vision.ts";
import type { Qwen25VlConfig } from "./qwen2_5_vl_config.ts";

/** Where the vision towers of Qwen2.5-VL and Qwen2-VL differ. */
export const towerParts: Readonly<Record<Qwen25VlConfig["modelType"], TowerParts>> = {
  qwen2_5_vl: {
    norm: (w, name, x) => rmsNorm(x, w(`${name}.weight`), { epsilon }),
    normBias: false,
    mlp: (w, name, x) => swiglu(w, name, x, true),
    mlpIn: ["gate_proj", "up_proj"],
    mlpOut: "down_proj",
  },
  qwen2_vl: {
    norm: visionLayerNorm,
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
