import type { JsonFields } from "../model_files.ts";
import type { DecoderConfig } from "./decoder.ts";
import {
  bounds,
  type DecoderDefaults,
  parseDecoder,
  parseRope,
  parseTied,
  parseTokens,
  readConfigFiles,
} from "./model_config.ts";
import type { ModelConfig } from "./vision_language_model.ts";

/** The SigLIP-style encoder of one tile. */
export interface Idefics3VisionConfig {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  /** Side of a tile, pixels. */
  readonly imageSize: number;
  /** Side of a patch, pixels. */
  readonly patchSize: number;
  readonly layerNormEps: number;
}

/** SmolVLM and Idefics3, which are the same mathematics. */
export interface Idefics3Config extends ModelConfig {
  readonly modelType: (typeof idefics3ModelTypes)[number];
  readonly text: DecoderConfig;
  readonly vision: Idefics3VisionConfig;
  /** Side of the square of patches that the connector joins into one token. */
  readonly scaleFactor: number;
  /** Image tokens of one tile: (imageSize / patchSize / scaleFactor)². */
  readonly tileTokens: number;
}

/** The values of `model_type` that this definition covers. */
export const idefics3ModelTypes = ["idefics3", "smolvlm"] as const;

const textDefaults: DecoderDefaults = {
  hidden_size: 4096,
  intermediate_size: 11008,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  vocab_size: 32000,
  rms_norm_eps: 1e-6,
  max_position_embeddings: 2048,
};

/**
 * Reads config.json (and the stop tokens of generation_config.json) of a model folder. Absent keys have the defaults
 * of the Python classes. Throws a `VisplayError` of code "model" if the folder is missing or describes something
 * else or something impossible.
 */
export async function readIdefics3Config(folder: string): Promise<Idefics3Config> {
  const { config, generation } = await readConfigFiles(folder);
  return parseIdefics3Config(config, generation);
}

/** The same from the contents of config.json and generation_config.json. */
export function parseIdefics3Config(config: JsonFields, generation?: JsonFields): Idefics3Config {
  const modelType = config.oneOf("model_type", idefics3ModelTypes);
  const textFields = config.section("text_config");
  const text = { ...parseText(textFields), tieEmbeddings: parseTied(config, textFields) };
  const vision = parseVision(config.section("vision_config"));
  const scaleFactor = config.integer("scale_factor", { default: 2, ...bounds.size });
  const side = vision.imageSize / vision.patchSize;
  if (side % scaleFactor !== 0)
    throw config.error("scale_factor", `a divisor of ${side}, the patches of a side`);
  const tileTokens = (side / scaleFactor) ** 2;
  if (text.maxPositions <= tileTokens)
    throw textFields.error("max_position_embeddings", `more than the ${tileTokens} tokens of an image`);
  return {
    modelType,
    text,
    vision,
    scaleFactor,
    tileTokens,
    ...parseTokens({ config, generation, text: textFields }, text.vocabSize, { eos: 2, image: 128257 }),
  };
}

function parseText(fields: JsonFields): Omit<DecoderConfig, "tieEmbeddings"> {
  fields.oneOf("model_type", ["llama"], "llama");
  fields.oneOf("attention_bias", [false], false);
  fields.oneOf("mlp_bias", [false], false);
  const { theta } = parseRope(fields, { types: ["default"], theta: 10_000 });
  return { ...parseDecoder(fields, textDefaults), ropeTheta: theta };
}

function parseVision(fields: JsonFields): Idefics3VisionConfig {
  fields.oneOf("hidden_act", ["gelu_pytorch_tanh"], "gelu_pytorch_tanh");
  fields.oneOf("num_channels", [3], 3);
  const hiddenSize = fields.integer("hidden_size", { default: 1152, ...bounds.size });
  const heads = fields.integer("num_attention_heads", { default: 16, ...bounds.size });
  if (hiddenSize % heads !== 0)
    throw fields.error("num_attention_heads", `a divisor of hidden_size ${hiddenSize}`);
  const imageSize = fields.integer("image_size", { default: 224, min: 1, max: 4096 });
  const patchSize = fields.integer("patch_size", { default: 32, min: 1, max: 4096 });
  if (imageSize % patchSize !== 0) throw fields.error("patch_size", `a divisor of image_size ${imageSize}`);
  return {
    hiddenSize,
    intermediateSize: fields.integer("intermediate_size", { default: 3072, ...bounds.size }),
    layers: fields.integer("num_hidden_layers", { default: 12, ...bounds.layers }),
    heads,
    imageSize,
    patchSize,
    layerNormEps: fields.number("layer_norm_eps", { default: 1e-6, ...bounds.epsilon }),
  };
}
