import { gelu, reshape } from "../../autodiff/operators/index.ts";
import type { Tensor } from "../../autodiff/tensor.ts";
import type { TensorData } from "../../autodiff/tensor_type.ts";
import { embedPatches, linear, type Weights } from "./layers.ts";
import { ParameterList } from "./parameter_list.ts";
import { QwenVl } from "./qwen_vl.ts";
import { attendWhole, patchRotation } from "./qwen_vl_padding.ts";
import { putBlocks, visionBlock } from "./qwen_vl_vision.ts";
import type { Qwen25VlConfig } from "./qwen2_5_vl_config.ts";
import { towerParts } from "./qwen2_5_vl_vision.ts";
import { attendWindows, paddedWindows, windowFeeds } from "./qwen2_5_vl_windows.ts";
import type { ImageBucket, ImageShape, ParameterSpec } from "./vision_language_model.ts";

/** How a checkpoint names the parts of the model. */
export interface Qwen25VlNames {
  readonly vision: string;
  readonly text: string;
}

/** The names in published checkpoints, which were also those of the classes. */
const publishedNames: Qwen25VlNames = { vision: "visual", text: "model" };
/** Those of the classes in transformers since 4.52, in which some checkpoints are saved. */
const nestedNames: Qwen25VlNames = { vision: "model.visual", text: "model.language_model" };

/** The naming that a checkpoint's tensors follow. */
export function namesIn(tensors: readonly string[]): Qwen25VlNames {
  const nested = tensors.some((name) => name.startsWith(`${nestedNames.text}.`));
  return nested ? nestedNames : publishedNames;
}

/**
 * The Qwen2.5-VL architecture (2502.13923), whose vision tower attends within windows in most layers. Qwen2-VL
 * (2409.12191) differs in the vision tower's norms and MLPs, and has no windows.
 */
export class Qwen25Vl extends QwenVl<Qwen25VlConfig> {
  readonly imageWidth: number;
  readonly #names: Qwen25VlNames;

  constructor(config: Qwen25VlConfig, names: Qwen25VlNames = publishedNames) {
    const variant = { name: names.text, attentionBias: true, headNorms: false };
    super(config, variant, imageParameters(config, names.vision));
    this.imageWidth = config.text.hiddenSize;
    this.#names = names;
  }

  override bucket(image: ImageShape): ImageBucket {
    const bucket = super.bucket(image);
    const { vision } = this.config;
    return this.#windowed ? { ...bucket, windows: paddedWindows(image, bucket.patches, vision) } : bucket;
  }

  override gridFeeds(images: readonly ImageShape[], bucket: ImageBucket): Record<string, TensorData> {
    const feeds = super.gridFeeds(images, bucket);
    return this.#windowed ? { ...feeds, ...windowFeeds(images, bucket, this.config.vision) } : feeds;
  }

  encode(w: Weights, patches: Tensor, bucket: ImageBucket): Tensor {
    return this.merge(w, this.vision(w, patches, bucket));
  }

  /** The vision tower: patches [N, patchWidth] to [N, vision hidden], cell by cell within each tile. */
  vision(w: Weights, patches: Tensor, bucket: ImageBucket): Tensor {
    const { vision, modelType } = this.config;
    const name = this.#names.vision;
    let x = embedPatches(w, `${name}.patch_embed.proj`, patches, vision.hiddenSize);
    const rotate = patchRotation(bucket, vision);
    const parts = towerParts[modelType];
    const whole = attendWhole(bucket, vision.heads);
    const windowed = this.#windowed ? attendWindows(bucket, vision) : whole;
    for (let i = 0; i < vision.layers; i++) {
      const attend = vision.fullAttentionLayers.includes(i) ? whole : windowed;
      x = visionBlock(w, `${name}.blocks.${i}`, x, parts, rotate, attend);
    }
    return x;
  }

  /** The merger: the vision tower's output to [rows, text hidden]. */
  merge(w: Weights, features: Tensor): Tensor {
    const { vision, modelType } = this.config;
    const name = `${this.#names.vision}.merger`;
    const normed = towerParts[modelType].norm(w, `${name}.ln_q`, features);
    const perCell = vision.mergeSize ** 2;
    const cells = reshape(normed, {
      shape: [(features.shape[0] as number) / perCell, perCell * vision.hiddenSize],
    });
    return linear(w, `${name}.mlp.2`, gelu(linear(w, `${name}.mlp.0`, cells, true)), true);
  }

  get #windowed(): boolean {
    return Number.isFinite(this.config.vision.windowSize);
  }

  moduleNames(layer: string): [string, ...string[]] {
    for (const part of ["vision", "text"] as const) {
      const prefix = `${this.#names[part]}.`;
      if (!layer.startsWith(prefix)) continue;
      const rest = layer.slice(prefix.length);
      return [`${nestedNames[part]}.${rest}`, `${publishedNames[part]}.${rest}`];
    }
    return [layer];
  }
}

/** Of the vision tower and the merger. */
function imageParameters(config: Qwen25VlConfig, name: string): ParameterSpec[] {
  const { modelType, text, vision } = config;
  const { hiddenSize: D, patchSize, temporalPatchSize, mergeSize } = vision;
  const parts = towerParts[modelType];
  const tower = new ParameterList(name, "vision");
  tower.put("patch_embed.proj.weight", D, 3, temporalPatchSize, patchSize, patchSize);
  putBlocks(tower, vision, parts);
  const merger = new ParameterList(`${name}.merger`, "connector");
  const joined = D * mergeSize ** 2;
  if (parts.normBias) merger.affine("ln_q", D);
  else merger.put("ln_q.weight", D);
  merger.affine("mlp.0", joined, joined);
  merger.affine("mlp.2", text.hiddenSize, joined);
  return [...tower.specs, ...merger.specs];
}
