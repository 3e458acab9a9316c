import { modelError } from "../model_files.ts";
import { AdapterWeights } from "../weights/adapter_weights.ts";
import { copyModelFiles, writeModelWeights } from "../weights/model_weights.ts";
import type { FloatDtype } from "../weights/safetensors_writer.ts";
import { openWeights } from "./open_weights.ts";

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
 * Writes an adapter, whose model others find under the name `base`. Throws a `VisplayError` of code "model" where the
 * folder holds none, and "disk" where the new one cannot be written.
 */
export async function exportAdapter(source: string, folder: string, base: string | undefined): Promise<void> {
  const { weights } = await openWeights(source, { trains: () => false });
  if (!(weights instanceof AdapterWeights))
    throw modelError(source, "holds a whole model; expected an adapter (adapter_config.json)");
  await weights.write(folder, weights.initial, base);
}

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
  await writeModelWeights(folder, weights.merge(weights.initial), dtype, shardBytes);
}
