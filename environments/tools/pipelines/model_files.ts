import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { VisplayError } from "../../../common/errors.ts";
import { hashFile } from "../../../common/file_hash.ts";

/** Ends of the names of weights, by their precision; the first that is there is taken. */
const suffixes = { fp32: "", q8: "_quantized", fp16: "_fp16" } as const;
export type Precision = keyof typeof suffixes;

/** Weights of which every model has one. */
const firstParts = ["model", "encoder_model"];
const parts = [...firstParts, "decoder_model_merged"];

/** The precision of the weights among a model's files that is used; null where there are none. */
function precisionAmong(names: readonly string[]): Precision | null {
  const all = Object.keys(suffixes) as Precision[];
  const has = (precision: Precision) =>
    firstParts.some((part) => names.includes(`onnx/${part}${suffixes[precision]}.onnx`));
  return all.find(has) ?? null;
}

/** Whether a file is read where the weights have that precision; weights may have others beside them. */
function isRead(name: string, precision: Precision): boolean {
  return (
    /^\w[\w.-]*\.json$/.test(name) ||
    parts.some((part) => name.startsWith(`onnx/${part}${suffixes[precision]}.onnx`))
  );
}

/** Which files of a repository are one. */
export const pipelineFiles = {
  isDeep: true,
  async missing(names: readonly string[]): Promise<string[]> {
    return [
      ...["config.json", "preprocessor_config.json"].filter((name) => !names.includes(name)),
      ...(precisionAmong(names) === null ? ["onnx/model.onnx"] : []),
    ];
  },
  isNeeded(name: string, names: readonly string[]): boolean {
    const precision = precisionAmong(names);
    return precision !== null && isRead(name, precision);
  },
} as const;

/**
 * The precision of the weights in a model's folder, of which only one is used. Throws a `VisplayError` of code "model"
 * where there are none.
 */
export async function precisionOf(folder: string, setting: string): Promise<Precision> {
  const precision = precisionAmong(await namesIn(folder));
  if (precision !== null) return precision;
  const expected = "config.json, preprocessor_config.json and weights under onnx/, such as onnx/model.onnx";
  throw new VisplayError(
    "model",
    `${setting}: found no model in ${folder}, expected a folder with ${expected}`,
  );
}

/** SHA-256 of all that is read of a model's folder. */
export async function digestOf(folder: string, precision: Precision): Promise<string> {
  const digest = createHash("sha256");
  for (const name of (await namesIn(folder)).filter((each) => isRead(each, precision)).sort())
    digest.update(JSON.stringify([name, (await hashFile(join(folder, name))).digest("hex")]));
  return digest.digest("hex");
}

async function namesIn(folder: string): Promise<string[]> {
  const top = await readdir(folder).catch(() => []);
  const weights = await readdir(join(folder, "onnx")).catch(() => []);
  return [...top, ...weights.map((name) => `onnx/${name}`)];
}
