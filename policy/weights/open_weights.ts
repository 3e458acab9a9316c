import { readIdefics3Config } from "../models/idefics3_config.ts";
import { type ParameterGroup, SmolVlm } from "../models/smolvlm.ts";
import { isAdapterFolder, readAdapterConfig } from "./adapter_config.ts";
import { type AdapterOptions, AdapterWeights } from "./adapter_weights.ts";
import { FullWeights } from "./full_weights.ts";
import type { TrainedWeights } from "./trained_weights.ts";

/** What of a model is to be trained. */
export interface TrainingOptions {
  /** Adapters of this kind; otherwise whole parameter groups. A folder that holds an adapter goes on with that. */
  readonly adapter?: AdapterOptions | null | undefined;
  /** Whether a parameter group is trained where there are no adapters. */
  readonly trains: (group: ParameterGroup) => boolean;
}

/** A model with its weights. */
export interface OpenedModel {
  /** The folder of the model itself, which an adapter's names. */
  readonly base: string;
  readonly model: SmolVlm;
  readonly weights: TrainedWeights;
}

/**
 * Opens a Hugging Face model folder, or a PEFT adapter's; throws a `VisplayError` of code "model" where it is not one
 * that fits.
 */
export async function openWeights(
  folder: string,
  { adapter, trains }: TrainingOptions,
): Promise<OpenedModel> {
  const adapted = await isAdapterFolder(folder);
  const base = adapted ? (await readAdapterConfig(folder)).base : folder;
  const model = new SmolVlm(await readIdefics3Config(base));
  const specs = model.parameters;
  const adaptedModel = { base, specs, moduleName: (layer: string) => layer };
  if (adapted) return { base, model, weights: await AdapterWeights.open(adaptedModel, folder) };
  if (adapter) return { base, model, weights: await AdapterWeights.create(adaptedModel, adapter) };
  return { base, model, weights: await FullWeights.open(base, specs, trains) };
}
