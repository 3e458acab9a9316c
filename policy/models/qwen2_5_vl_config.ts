import type { JsonFields, NumberField } from "../model_files.ts";
import type { DecoderConfig } from "./decoder.ts";
import {
  bounds,
  type DecoderDefaults,
  parseDecoder,
  parseRope,
  parseTied,
  parseTokens,
} from "./model_config.ts";
import type { ModelConfig } from "./vision_language_model.ts";

/** The encoder of a whole image, most of whose layers attend within windows. */
export interface Qwen25VlVisionConfig {
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
  /** Side of a window, cells. */
  readonly windowSize: number;
  /** Layers that attend to the whole image. */
  readonly fullAttentionLayers: readonly number[];
}

/** Qwen2.5-VL, and MiMo-VL, which is the same architecture. */
export interface Qwen25VlConfig extends ModelConfig {
  readonly modelType: (typeof qwen25VlModelTypes)[number];
  readonly text: DecoderConfig;
  /** How many of a head's frequencies turn by time, row and column; together half of `headDim`. */
  readonly ropeSections: readonly number[];
  readonly vision: Qwen25VlVisionConfig;
}

/** The values of `model_type` that this definition covers. */
export const qwen25VlModelTypes = ["qwen2_5_vl"] as const;

const textDefaults: DecoderDefaults = {
  hidden_size: 8192,
  intermediate_size: 29568,
  num_hidden_layers: 80,
  num_attention_heads: 64,
  vocab_size: 152064,
  rms_norm_eps: 1e-5,
  max_position_embeddings: 32768,
};

/**
 * Checks the contents of config.json, with a text_config (transformers 5) or without (published checkpoints), and of
 * generation_config.json. Absent keys have the defaults of the Python classes. Throws a `VisplayError` of code "model"
 * where they describe something else or something impossible.
 */
export function parseQwen25VlConfig(config: JsonFields, generation?: JsonFields): Qwen25VlConfig {
  const modelType = config.oneOf("model_type", qwen25VlModelTypes);
  const nested = config.optionalSection("text_config");
  nested?.oneOf("model_type", ["qwen2_5_vl_text"], "qwen2_5_vl_text");
  const textFields = nested ?? config;
  textFields.oneOf("use_sliding_window", [false], false);
  const sizes = parseDecoder(textFields, textDefaults);
  const { theta, rope } = parseRope(textFields, { types: ["default", "mrope"], theta: 1_000_000 });
  const visionFields = config.section("vision_config");
  const vision = parseVision(visionFields);
  visionFields.oneOf("out_hidden_size", [sizes.hiddenSize], 3584);
  return {
    modelType,
    text: { ...sizes, ropeTheta: theta, tieEmbeddings: parseTied(config, textFields) },
    ropeSections: parseSections(rope ?? textFields, sizes.headDim / 2),
    vision,
    ...parseTokens({ config, generation, text: textFields }, sizes.vocabSize, { eos: 151645, image: 151655 }),
  };
}

function parseSections(rope: JsonFields, frequencies: number): readonly number[] {
  const sections = rope.integers("mrope_section", { min: 1, max: frequencies });
  if (sections.length === 3 && sections.reduce((sum, n) => sum + n, 0) === frequencies) return sections;
  throw rope.error("mrope_section", `three numbers whose sum is ${frequencies}, half of a head`);
}

function parseVision(fields: JsonFields): Qwen25VlVisionConfig {
  const integer = (key: string, fallback: number, bound: NumberField = bounds.size): number =>
    fields.integer(key, { default: fallback, ...bound });
  const side: NumberField = { min: 1, max: 4096 };
  fields.oneOf("hidden_act", ["silu"], "silu");
  for (const key of ["in_channels", "in_chans"]) fields.oneOf(key, [3], 3);
  const hiddenSize = integer("hidden_size", 3584);
  const heads = integer("num_heads", 16);
  if (hiddenSize % (4 * heads) !== 0)
    throw fields.error(
      "num_heads",
      `hidden_size ${hiddenSize} in heads of a multiple of 4, as rotary rows and columns need`,
    );
  const patchSize = integer("patch_size", 14, side);
  const mergeSize = integer("spatial_merge_size", 2, { min: 1, max: 64 });
  const windowPixels = integer("window_size", 112, side);
  const cell = patchSize * mergeSize;
  if (windowPixels % cell !== 0)
    throw fields.error("window_size", `a multiple of ${cell}, the pixels of a merged cell's side`);
  return {
    hiddenSize,
    intermediateSize: integer("intermediate_size", 3420),
    layers: integer("depth", 32, bounds.layers),
    heads,
    patchSize,
    temporalPatchSize: integer("temporal_patch_size", 2, { min: 1, max: 64 }),
    mergeSize,
    windowSize: windowPixels / cell,
    fullAttentionLayers: fields.integers(
      "fullatt_block_indexes",
      { min: 0, max: bounds.layers.max },
      [7, 15, 23, 31],
    ),
  };
}
