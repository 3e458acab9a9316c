import { copyModelFiles, writeModelWeights } from "./model_weights.ts";
import { openWeights } from "./open_weights.ts";
import type { FloatDtype } from "./safetensors_writer.ts";

export interface ExportOptions {
  /** The element type of all weights. */
  readonly dtype: FloatDtype;
  /** Bytes of one file of weights; a larger tensor has a file of its own. */
  readonly shardBytes: number;
}

const configDtypes: Readonly<Record<FloatDtype, string>> = {
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
};

/**
 * Writes a model folder, or an adapter's merged into its model, as an ordinary Hugging Face folder. Throws a
 * `VisplayError` of code "model" where it is neither, and "disk" where the new folder cannot be written.
 */
export async function exportModel(
  source: string,
  folder: string,
  { dtype, shardBytes }: ExportOptions,
): Promise<void> {
  const { base, weights } = await openWeights(source, { trains: () => false });
  await copyModelFiles(base, folder, configDtypes[dtype]);
  await writeModelWeights(folder, weights.merged(weights.initial), dtype, shardBytes);
}
