import { stat } from "node:fs/promises";
import { join } from "node:path";
import {
  exists,
  isInteger,
  type JsonFields,
  modelError,
  type NumberField,
  readModelJson,
} from "../model_files.ts";
import type { DecoderConfig } from "./decoder.ts";
import type { ModelConfig } from "./vision_language_model.ts";

/** What a model folder says about its model. */
export interface ConfigFiles {
  readonly folder: string;
  /** config.json. */
  readonly config: JsonFields;
  /** generation_config.json. */
  readonly generation: JsonFields | undefined;
}

/** Throws a `VisplayError` of code "model" if the folder or its config.json is missing or broken. */
export async function readConfigFiles(folder: string): Promise<ConfigFiles> {
  const found = await stat(folder).catch(() => undefined);
  if (!found?.isDirectory())
    throw modelError(folder, "is not a folder; expected a Hugging Face model folder");
  const generation = join(folder, "generation_config.json");
  return {
    folder,
    config: await readModelJson(join(folder, "config.json")),
    generation: (await exists(generation)) ? await readModelJson(generation) : undefined,
  };
}

/** Bounds of sizes, numbers of layers, and the ε of norms. */
export const bounds: Readonly<Record<"size" | "layers" | "epsilon", NumberField>> = {
  size: { min: 1, max: 2 ** 20 },
  layers: { min: 1, max: 1024 },
  epsilon: { min: 0, max: 1 },
};

/** What Python's class has where config.json is silent on a decoder's sizes. */
export interface DecoderDefaults {
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  /** As many as heads where there is no number. */
  readonly num_key_value_heads?: number;
  /** The width divided by the heads where there is no number. */
  readonly head_dim?: number;
  readonly vocab_size: number;
  readonly rms_norm_eps: number;
  readonly max_position_embeddings: number;
}

/** The sizes of a Llama-like decoder, checked against each other. */
export function parseDecoder(
  fields: JsonFields,
  defaults: DecoderDefaults,
): Omit<DecoderConfig, "ropeTheta" | "tieEmbeddings"> {
  const integer = (key: keyof DecoderDefaults, bound: NumberField = bounds.size): number =>
    fields.integer(key, { default: defaults[key], ...bound });
  fields.oneOf("hidden_act", ["silu"], "silu");
  const hiddenSize = integer("hidden_size");
  const heads = integer("num_attention_heads");
  const kvHeads = fields.integer("num_key_value_heads", {
    default: defaults.num_key_value_heads ?? heads,
    ...bounds.size,
  });
  if (heads % kvHeads !== 0) throw fields.error("num_key_value_heads", `a divisor of the ${heads} heads`);
  if (defaults.head_dim === undefined && hiddenSize % heads !== 0)
    throw fields.error("num_attention_heads", `a divisor of hidden_size ${hiddenSize}`);
  const headDim = fields.integer("head_dim", {
    default: defaults.head_dim ?? hiddenSize / heads,
    ...bounds.size,
  });
  if (headDim % 2 !== 0) throw fields.error("head_dim", "an even size, as rotary positions need");
  return {
    hiddenSize,
    intermediateSize: integer("intermediate_size"),
    layers: integer("num_hidden_layers", bounds.layers),
    heads,
    kvHeads,
    headDim,
    vocabSize: integer("vocab_size"),
    rmsNormEps: fields.number("rms_norm_eps", { default: defaults.rms_norm_eps, ...bounds.epsilon }),
    maxPositions: integer("max_position_embeddings"),
  };
}

/**
 * Rotary positions without scaling: in rope_parameters (transformers 5), or in rope_scaling beside rope_theta
 * (published folders). `rope` holds what else the type says of them.
 */
export function parseRope(
  fields: JsonFields,
  { types, theta }: { readonly types: readonly string[]; readonly theta: number },
): { readonly theta: number; readonly rope: JsonFields | undefined } {
  const rope = fields.optionalSection("rope_parameters") ?? fields.optionalSection("rope_scaling");
  const [usual] = types;
  if (rope) rope.oneOf(rope.get("rope_type") === undefined ? "type" : "rope_type", types, usual);
  const source = rope?.get("rope_theta") === undefined ? fields : rope;
  return { theta: source.number("rope_theta", { default: theta, min: 1, max: 1e9 }), rope };
}

/** Whether the output head is the embedding: as the whole model says, or (before transformers 5) its text model. */
export function parseTied(config: JsonFields, text: JsonFields): boolean {
  return config.boolean("tie_word_embeddings", false) || text.boolean("tie_word_embeddings", false);
}

const anyId: NumberField = { min: -(2 ** 31), max: 2 ** 31 };

/**
 * The special tokens. Those that end a completion stand in generation_config.json, else in config.json, else with its
 * text model. Batches are padded where nothing looks, which any token can do: it is the first of those that end a
 * completion where none is named, or one that no embedding has (128002, the default of Idefics3's classes).
 */
export function parseTokens(
  { config, generation, text }: Omit<ConfigFiles, "folder"> & { readonly text: JsonFields },
  vocabSize: number,
  defaults: { readonly eos: number; readonly image: number },
): Pick<ModelConfig, "imageTokenId" | "padTokenId" | "eosTokenIds"> {
  const id = { min: 0, max: vocabSize - 1 };
  const stops = [generation, config].find((fields) => fields?.get("eos_token_id") !== undefined);
  const eosTokenIds = tokenIds(stops ?? text, "eos_token_id", { default: defaults.eos, ...id });
  const named = [config, text].map((fields) => fields.integer("pad_token_id", { default: -1, ...anyId }));
  return {
    imageTokenId: config.integer("image_token_id", { default: defaults.image, ...id }),
    padTokenId: named.find((pad) => isInteger(pad, id)) ?? (eosTokenIds[0] as number),
    eosTokenIds,
  };
}

/** A token id, or a list of them. */
function tokenIds(fields: JsonFields, key: string, field: NumberField): number[] {
  const value = fields.get(key);
  if (!Array.isArray(value)) return [fields.integer(key, field)];
  if (value.length > 0 && value.every((id) => isInteger(id, field))) return value;
  throw fields.error(key, `ids from ${field.min} to ${field.max}`);
}
