import type { JsonFields, NumberField } from "../model_files.ts";
import type { DecoderConfig } from "./decoder.ts";
import { bounds } from "./model_config.ts";
import type { ModelConfig } from "./vision_language_model.ts";

/** The encoder of a whole image. */
export interface QwenVlVisionConfig {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  /** Side of a patch, pixels. */
  readonly patchSize: number;
  /** Frames of one patch; a still image fills them all. */
  readonly temporalPatchSize: number;
  /** Side of the square of patches, a cell, that the merger joins into one token. */
  readonly mergeSize: number;
}

/** What the configurations of Qwen's vision-language models have in common. */
export interface QwenVlConfig extends ModelConfig {
  readonly text: DecoderConfig;
  /** Whether each frequency of a head turns by time (0), row (1) or column (2), [headDim / 2]. */
  readonly ropeAxes: readonly number[];
  readonly vision: QwenVlVisionConfig;
}

/** The special tokens of all of them, where config.json is silent. */
export const qwenTokens = { eos: 151645, image: 151655 } as const;

/** Sides of patches and of windows, pixels. */
export const side: NumberField = { min: 1, max: 4096 };

/** What Python's class has where config.json is silent on a vision tower. */
export interface TowerDefaults {
  readonly depth: number;
  readonly patch_size: number;
}

/** A vision tower of `hiddenSize`, but for its MLPs. */
export function parseTower(
  fields: JsonFields,
  hiddenSize: number,
  defaults: TowerDefaults,
): Omit<QwenVlVisionConfig, "intermediateSize"> {
  for (const key of ["in_channels", "in_chans"]) fields.oneOf(key, [3], 3);
  fields.optionalSection("rope_parameters")?.oneOf("rope_theta", [10_000], 10_000);
  const heads = fields.integer("num_heads", { default: 16, ...bounds.size });
  if (hiddenSize % (4 * heads) !== 0)
    throw fields.error(
      "num_heads",
      `a divisor of the width ${hiddenSize} into heads of a multiple of 4, as rotary rows and columns need`,
    );
  return {
    hiddenSize,
    layers: fields.integer("depth", { default: defaults.depth, ...bounds.layers }),
    heads,
    patchSize: fields.integer("patch_size", { default: defaults.patch_size, ...side }),
    temporalPatchSize: fields.integer("temporal_patch_size", { default: 2, min: 1, max: 64 }),
    mergeSize: fields.integer("spatial_merge_size", { default: 2, min: 1, max: 64 }),
  };
}
