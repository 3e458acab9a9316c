import { stat } from "node:fs/promises";
import { join } from "node:path";
import { exists, type JsonFields, modelError, type NumberField, readModelJson } from "../model_files.ts";

/** The Llama decoder. */
export interface Idefics3TextConfig {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocabSize: number;
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
  /** The longest sequence, in tokens. */
  readonly maxPositions: number;
  /** Whether the output head is the embedding. */
  readonly tieEmbeddings: boolean;
}

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
export interface Idefics3Config {
  readonly modelType: (typeof idefics3ModelTypes)[number];
  readonly text: Idefics3TextConfig;
  readonly vision: Idefics3VisionConfig;
  /** Side of the square of patches that the connector joins into one token. */
  readonly scaleFactor: number;
  /** Image tokens of one tile: (imageSize / patchSize / scaleFactor)². */
  readonly tileTokens: number;
  readonly imageTokenId: number;
  readonly padTokenId: number;
  /** Any of these ends a completion. */
  readonly eosTokenIds: readonly number[];
}

/** The values of `model_type` that this definition covers. */
export const idefics3ModelTypes = ["idefics3", "smolvlm"] as const;

const size = { min: 1, max: 2 ** 20 };
const layers = { min: 1, max: 1024 };
const epsilon = { min: 0, max: 1 };

/**
 * Reads config.json (and the stop tokens of generation_config.json) of a model folder. Absent keys have the defaults
 * of the Python classes. Throws a `VisplayError` of code "model" if the folder is missing or describes something
 * else or something impossible.
 */
export async function readIdefics3Config(folder: string): Promise<Idefics3Config> {
  const found = await stat(folder).catch(() => undefined);
  if (!found?.isDirectory())
    throw modelError(folder, "is not a folder; expected a Hugging Face model folder");
  const generation = join(folder, "generation_config.json");
  return parseIdefics3Config(
    await readModelJson(join(folder, "config.json")),
    (await exists(generation)) ? await readModelJson(generation) : undefined,
  );
}

/** The same from the contents of config.json and generation_config.json. */
export function parseIdefics3Config(config: JsonFields, generation?: JsonFields): Idefics3Config {
  const modelType = config.oneOf("model_type", idefics3ModelTypes);
  const textFields = config.section("text_config");
  const tied = textFields.boolean("tie_word_embeddings", false);
  const text = { ...parseText(textFields), tieEmbeddings: config.boolean("tie_word_embeddings", tied) };
  const vision = parseVision(config.section("vision_config"));
  const scaleFactor = config.integer("scale_factor", { default: 2, ...size });
  const side = vision.imageSize / vision.patchSize;
  if (side % scaleFactor !== 0)
    throw config.error("scale_factor", `a divisor of ${side}, the patches of a side`);
  const tileTokens = (side / scaleFactor) ** 2;
  if (text.maxPositions <= tileTokens)
    throw textFields.error("max_position_embeddings", `more than the ${tileTokens} tokens of an image`);

  const id = { min: 0, max: text.vocabSize - 1 };
  const stops = [generation, config].find((fields) => fields?.get("eos_token_id") !== undefined);
  const eosTokenIds = tokenIds(stops ?? textFields, "eos_token_id", { default: 2, ...id });
  const textPad = textFields.integer("pad_token_id", { default: eosTokenIds[0], ...id });
  return {
    modelType,
    text,
    vision,
    scaleFactor,
    tileTokens,
    imageTokenId: config.integer("image_token_id", { default: 128257, ...id }),
    padTokenId: config.integer("pad_token_id", { default: textPad, ...id }),
    eosTokenIds,
  };
}

function parseText(fields: JsonFields): Omit<Idefics3TextConfig, "tieEmbeddings"> {
  fields.oneOf("model_type", ["llama"], "llama");
  fields.oneOf("hidden_act", ["silu"], "silu");
  fields.oneOf("attention_bias", [false], false);
  fields.oneOf("mlp_bias", [false], false);
  const hiddenSize = fields.integer("hidden_size", { default: 4096, ...size });
  const heads = fields.integer("num_attention_heads", { default: 32, ...size });
  const kvHeads = fields.integer("num_key_value_heads", { default: heads, ...size });
  if (heads % kvHeads !== 0) throw fields.error("num_key_value_heads", `a divisor of the ${heads} heads`);
  if (hiddenSize % heads !== 0)
    throw fields.error("num_attention_heads", `a divisor of hidden_size ${hiddenSize}`);
  const headDim = fields.integer("head_dim", { default: hiddenSize / heads, ...size });
  if (headDim % 2 !== 0) throw fields.error("head_dim", "an even size, as rotary positions need");
  return {
    hiddenSize,
    intermediateSize: fields.integer("intermediate_size", { default: 11008, ...size }),
    layers: fields.integer("num_hidden_layers", { default: 32, ...layers }),
    heads,
    kvHeads,
    headDim,
    vocabSize: fields.integer("vocab_size", { default: 32000, ...size }),
    rmsNormEps: fields.number("rms_norm_eps", { default: 1e-6, ...epsilon }),
    ropeTheta: parseRopeTheta(fields),
    maxPositions: fields.integer("max_position_embeddings", { default: 2048, ...size }),
  };
}

function parseVision(fields: JsonFields): Idefics3VisionConfig {
  fields.oneOf("hidden_act", ["gelu_pytorch_tanh"], "gelu_pytorch_tanh");
  fields.oneOf("num_channels", [3], 3);
  const hiddenSize = fields.integer("hidden_size", { default: 1152, ...size });
  const heads = fields.integer("num_attention_heads", { default: 16, ...size });
  if (hiddenSize % heads !== 0)
    throw fields.error("num_attention_heads", `a divisor of hidden_size ${hiddenSize}`);
  const imageSize = fields.integer("image_size", { default: 224, min: 1, max: 4096 });
  const patchSize = fields.integer("patch_size", { default: 32, min: 1, max: 4096 });
  if (imageSize % patchSize !== 0) throw fields.error("patch_size", `a divisor of image_size ${imageSize}`);
  return {
    hiddenSize,
    intermediateSize: fields.integer("intermediate_size", { default: 3072, ...size }),
    layers: fields.integer("num_hidden_layers", { default: 12, ...layers }),
    heads,
    imageSize,
    patchSize,
    layerNormEps: fields.number("layer_norm_eps", { default: 1e-6, ...epsilon }),
  };
}

/** The rotary base, at the top level (published checkpoints) or in rope_parameters (transformers 5); no scaling. */
function parseRopeTheta(fields: JsonFields): number {
  const rope = fields.optionalSection("rope_parameters") ?? fields.optionalSection("rope_scaling");
  if (rope) rope.oneOf(rope.get("rope_type") === undefined ? "type" : "rope_type", ["default"], "default");
  const source = rope?.get("rope_theta") === undefined ? fields : rope;
  return source.number("rope_theta", { default: 10_000, min: 1, max: 1e9 });
}

/** A token id, or a list of them. */
function tokenIds(fields: JsonFields, key: string, field: NumberField): number[] {
  const value = fields.get(key);
  if (!Array.isArray(value)) return [fields.integer(key, field)];
  const valid = (id: unknown) =>
    Number.isInteger(id) && (id as number) >= field.min && (id as number) <= field.max;
  if (value.length > 0 && value.every(valid)) return value;
  throw fields.error(key, `ids from ${field.min} to ${field.max}`);
}
