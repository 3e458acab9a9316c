import { join } from "node:path";
import { exists, type JsonFields, modelError, readModelJson } from "../model_files.ts";
import type { ModelConfig } from "../models/vision_language_model.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** How a model folder's processor is set. */
export interface ProcessorFiles {
  /** The part of processor_config.json where transformers 5 keeps it, which comes first there; else preprocessor_config.json. */
  readonly image: JsonFields;
  /** processor_config.json. */
  readonly processor: JsonFields | undefined;
}

/** Throws a `VisplayError` of code "model" where the settings are missing or broken. */
export async function readProcessorFiles(folder: string): Promise<ProcessorFiles> {
  const path = join(folder, "processor_config.json");
  const processor = (await exists(path)) ? await readModelJson(path) : undefined;
  const nested = processor?.optionalSection("image_processor");
  return { image: nested ?? (await readModelJson(join(folder, "preprocessor_config.json"))), processor };
}

/** A number for each colour channel. */
export type Channels = readonly [red: number, green: number, blue: number];

/**
 * What a byte becomes in each channel, [3][256]: (byte * rescale_factor - mean) / std, rounded to 32 bits after each
 * operation as NumPy does.
 */
export function parseLevels(
  fields: JsonFields,
  defaults: { readonly mean: Channels; readonly std: Channels },
): Float32Array[] {
  for (const step of ["do_rescale", "do_normalize"]) fields.oneOf(step, [true], true);
  const scale = fields.number("rescale_factor", { default: 1 / 255, min: 0, max: 1 });
  const std = parseChannels(fields, "image_std", defaults.std);
  return parseChannels(fields, "image_mean", defaults.mean).map((mean, channel) =>
    Float32Array.from({ length: 256 }, (_, byte) => {
      const centred = Math.fround(Math.fround(byte * scale) - Math.fround(mean));
      return centred / Math.fround(std[channel] as number);
    }),
  );
}

const maxLevel = 1000;

function parseChannels(fields: JsonFields, key: string, fallback: Channels): readonly number[] {
  const value = fields.get(key) ?? fallback;
  const list = Array.isArray(value) ? value : [value, value, value];
  const min = key === "image_mean" ? -maxLevel : 1 / maxLevel;
  if (list.length === 3 && list.every((x) => typeof x === "number" && x >= min && x <= maxLevel)) return list;
  throw fields.error(key, `a number from ${min} to ${maxLevel}, or one for each of three channels`);
}

/**
 * Throws a `VisplayError` of code "model" if tokenizer and model disagree about the image token, if a token that ends
 * completions is none of the tokenizer's, or if the chat template has no place for an image.
 */
export function requireTokens(
  tokenizer: Tokenizer,
  imageToken: string,
  { imageTokenId, eosTokenIds }: Pick<ModelConfig, "imageTokenId" | "eosTokenIds">,
): void {
  const id = tokenizer.id(imageToken);
  if (id !== imageTokenId)
    throw modelError("config.json", `image_token_id is ${imageTokenId}; the tokenizer's is ${id}`);
  const end = eosTokenIds.find((stop) => !tokenizer.knows(stop));
  if (end !== undefined) throw modelError("config.json", `eos_token_id ${end} is no token of the tokenizer`);
  const content = [{ type: "image" }, { type: "text", text: "?" }] as const;
  const places = tokenizer.renderChat([{ role: "user", content }], true).split(imageToken).length - 1;
  if (places !== 1)
    throw modelError(
      tokenizer.templateFile,
      `the chat template writes ${places} ${imageToken} for one image; expected one`,
    );
}
