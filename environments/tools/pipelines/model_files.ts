import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { VisplayError } from "../../../common/errors.ts";
import { hashFile } from "../../../common/file_hash.ts";

/** Ends of the names of weights, by their precision; the first that is there is taken. */
const suffixes = { fp32: "", q8: "_quantized", fp16: "_fp16" } as const;
export type Precision = keyof typeof suffixes;

/** Weights that every model has, of its only or its first part. */
const firstParts = ["model", "encoder_model"];

/**
 * The precision of the weights in a model's folder, of which only one is used. Throws a `VisplayError` of code "model"
 * where there are none.
 */
export async function precisionOf(folder: string, setting: string): Promise<Precision> {
  const names: string[] = await readdir(join(folder, "onnx")).catch(() => []);
  for (const [precision, suffix] of Object.entries(suffixes))
    if (firstParts.some((part) => names.includes(`${part}${suffix}.onnx`))) return precision as Precision;
  const expected = "config.json, preprocessor_config.json and weights under onnx/, such as onnx/model.onnx";
  throw new VisplayError(
    "model",
    `${setting}: found no model in ${folder}, expected a folder with ${expected}`,
  );
}

/** SHA-256 of all that is read of a model's folder. */
export async function digestOf(folder: string, precision: Precision): Promise<string> {
  const suffix = suffixes[precision];
  const settings = (await readdir(folder)).filter((name) => name.endsWith(".json"));
  const weights = (await readdir(join(folder, "onnx"))).filter((name) =>
    firstParts.concat("decoder_model_merged").some((part) => name.startsWith(`${part}${suffix}.onnx`)),
  );
  const digest = createHash("sha256");
  for (const name of [...settings, ...weights.map((each) => join("onnx", each))].sort())
    digest.update(JSON.stringify([name, (await hashFile(join(folder, name))).digest("hex")]));
  return digest.digest("hex");
}
