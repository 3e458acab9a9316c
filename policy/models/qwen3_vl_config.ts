import type { JsonFields } from "../model_files.ts";
import {
  bounds,
  type DecoderDefaults,
  parseDecoder,
  parseRope,
  parseTied,
  parseTokens,
} from "./model_config.ts";
import { interleavedAxes } from "./mrope.ts";
import {
  parseTower,
  type QwenVlConfig,
  type QwenVlVisionConfig,
  qwenTokens,
  type TowerDefaults,
} from "./qwen_vl_config.ts";

/** A vision tower with learned positions, several of whose layers are passed on. */
export interface Qwen3VlVisionConfig extends QwenVlVisionConfig {
  /** Side of the square of learned positions, which are interpolated to an image's grid. */
  readonly positionsPerSide: number;
  /** The layers whose outputs are added to those of the text model's first layers, one each. */
  readonly deepLayers: readonly number[];
}

/** Qwen3-VL without experts. */
export interface Qwen3VlConfig extends QwenVlConfig {
  readonly modelType: "qwen3_vl";
  readonly vision: Qwen3VlVisionConfig;
}

const textDefaults: DecoderDefaults = {
  hidden_size: 4096,
  intermediate_size: 22016,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  head_dim: 128,
  vocab_size: 151936,
  rms_norm_eps: 1e-6,
  max_position_embeddings: 128000,
};
const towerDefaults: TowerDefaults = { depth: 27, patch_size: 16 };

/**
 * Checks the contents of config.json and of generation_config.json. Absent keys have the defaults of the Python classes.
 * Throws a `VisplayError` of code "model" where they describe something else or something impossible.
 */
export function parseQwen3VlConfig(config: JsonFields, generation?: JsonFields): Qwen3VlConfig {
  const modelType = config.oneOf("model_type", ["qwen3_vl"]);
  const text = config.section("text_config");
  text.oneOf("model_type", ["qwen3_vl_text"], "qwen3_vl_text");
  text.oneOf("attention_bias", [false], false);
  const sizes = parseDecoder(text, textDefaults);
  const { theta, rope } = parseRope(text, { types: ["default"], theta: 500_000 });
  return {
    modelType,
    text: { ...sizes, ropeTheta: theta, tieEmbeddings: parseTied(config, text) },
    ropeAxes: interleavedAxes(parseSections(rope ?? text), sizes.headDim / 2),
    vision: parseVision(config.section("vision_config"), sizes),
    ...parseTokens({ config, generation, text }, sizes.vocabSize, qwenTokens),
  };
}

function parseSections(rope: JsonFields): readonly number[] {
  rope.oneOf("mrope_interleaved", [true], true);
  const sections = rope.integers("mrope_section", { min: 0, max: bounds.size.max }, [24, 20, 20]);
  if (sections.length === 3) return sections;
  throw rope.error("mrope_section", "three numbers: for time, row and column");
}

function parseVision(
  fields: JsonFields,
  text: { readonly hiddenSize: number; readonly layers: number },
): Qwen3VlVisionConfig {
  fields.oneOf("hidden_act", ["gelu_pytorch_tanh"], "gelu_pytorch_tanh");
  fields.oneOf("out_hidden_size", [text.hiddenSize], 3584);
  const hiddenSize = fields.integer("hidden_size", { default: 1152, ...bounds.size });
  const tower = parseTower(fields, hiddenSize, towerDefaults);
  const positions = fields.integer("num_position_embeddings", { default: 2304, ...bounds.size });
  const positionsPerSide = Math.sqrt(positions);
  if (!Number.isInteger(positionsPerSide))
    throw fields.error("num_position_embeddings", "the square of a whole number");
  return {
    ...tower,
    intermediateSize: fields.integer("intermediate_size", { default: 4304, ...bounds.size }),
    positionsPerSide,
    deepLayers: parseDeepLayers(fields, tower.layers, text.layers),
  };
}

function parseDeepLayers(fields: JsonFields, layers: number, textLayers: number): readonly number[] {
  const key = "deepstack_visual_indexes";
  const deep = fields.integers(key, { min: 0, max: layers - 1 }, [8, 16, 24]);
  if (deep.some((layer, i) => i > 0 && layer <= (deep[i - 1] as number)))
    throw fields.error(key, "layers in ascending order");
  if (deep.length > textLayers) throw fields.error(key, `no more layers than the text model's ${textLayers}`);
  return deep;
}
