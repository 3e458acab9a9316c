import type { JsonFields } from "../model_files.ts";
import {
  bounds,
  type DecoderDefaults,
  parseDecoder,
  parseRope,
  parseTied,
  parseTokens,
} from "./model_config.ts";
import { sectionedAxes } from "./mrope.ts";
import {
  parseTower,
  type QwenVlConfig,
  type QwenVlVisionConfig,
  qwenTokens,
  side,
  type TowerDefaults,
} from "./qwen_vl_config.ts";

/** A vision tower most of whose layers attend within windows. */
export interface Qwen25VlVisionConfig extends QwenVlVisionConfig {
  /** Side of a window, cells; infinite where there are none. */
  readonly windowSize: number;
  /** Layers that attend to the whole image. */
  readonly fullAttentionLayers: readonly number[];
}

/** Qwen2.5-VL, MiMo-VL, which is the same architecture, and Qwen2-VL. */
export interface Qwen25VlConfig extends QwenVlConfig {
  readonly modelType: (typeof qwen25VlModelTypes)[number];
  readonly vision: Qwen25VlVisionConfig;
}

/** The values of `model_type` that this definition covers. */
export const qwen25VlModelTypes = ["qwen2_5_vl", "qwen2_vl"] as const;

const textDefaults: DecoderDefaults = {
  hidden_size: 8192,
  intermediate_size: 29568,
  num_hidden_layers: 80,
  num_attention_heads: 64,
  num_key_value_heads: 8,
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
  nested?.oneOf("model_type", [`${modelType}_text`], `${modelType}_text`);
  const textFields = nested ?? config;
  textFields.oneOf("use_sliding_window", [false], false);
  const sizes = parseDecoder(textFields, textDefaults);
  const { theta, rope } = parseRope(textFields, { types: ["default", "mrope"], theta: 1_000_000 });
  const visionFields = config.section("vision_config");
  const vision = modelType === "qwen2_vl" ? parseOlderVision(visionFields) : parseVision(visionFields);
  visionFields.oneOf(modelType === "qwen2_vl" ? "hidden_size" : "out_hidden_size", [sizes.hiddenSize], 3584);
  return {
    modelType,
    text: { ...sizes, ropeTheta: theta, tieEmbeddings: parseTied(config, textFields) },
    ropeAxes: sectionedAxes(parseSections(rope ?? textFields, sizes.headDim / 2)),
    vision,
    ...parseTokens({ config, generation, text: textFields }, sizes.vocabSize, qwenTokens),
  };
}

function parseSections(rope: JsonFields, frequencies: number): readonly number[] {
  const sections = rope.integers("mrope_section", { min: 1, max: frequencies });
  if (sections.length === 3 && sections.reduce((sum, n) => sum + n, 0) === frequencies) return sections;
  throw rope.error("mrope_section", `three numbers whose sum is ${frequencies}, half of a head`);
}

const towerDefaults: TowerDefaults = { depth: 32, patch_size: 14 };

function parseVision(fields: JsonFields): Qwen25VlVisionConfig {
  fields.oneOf("hidden_act", ["silu"], "silu");
  const hiddenSize = fields.integer("hidden_size", { default: 3584, ...bounds.size });
  const tower = parseTower(fields, hiddenSize, towerDefaults);
  const cell = tower.patchSize * tower.mergeSize;
  const windowPixels = fields.integer("window_size", { default: 112, ...side });
  if (windowPixels % cell !== 0)
    throw fields.error("window_size", `a multiple of ${cell}, the pixels of a merged cell's side`);
  const layer = { min: 0, max: bounds.layers.max };
  return {
    ...tower,
    intermediateSize: fields.integer("intermediate_size", { default: 3420, ...bounds.size }),
    windowSize: windowPixels / cell,
    fullAttentionLayers: fields.integers("fullatt_block_indexes", layer, [7, 15, 23, 31]),
  };
}

/** Of Qwen2-VL, where `hidden_size` is the text model's. */
function parseOlderVision(fields: JsonFields): Qwen25VlVisionConfig {
  fields.oneOf("hidden_act", ["quick_gelu"], "quick_gelu");
  const hiddenSize = fields.integer("embed_dim", { default: 1280, ...bounds.size });
  const tower = parseTower(fields, hiddenSize, towerDefaults);
  const ratio = fields.integer("mlp_ratio", { default: 4, min: 1, max: 1024 });
  return {
    ...tower,
    intermediateSize: tower.hiddenSize * ratio,
    windowSize: Number.POSITIVE_INFINITY,
    fullAttentionLayers: [],
  };
}
