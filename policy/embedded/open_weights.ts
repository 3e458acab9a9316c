import type { ParameterGroup } from "../models/vision_language_model.ts";
import type { AdapterOptions, Resolution } from "../options.ts";
import { isAdapterFolder, readAdapterConfig } from "../weights/adapter_config.ts";
import { AdapterWeights } from "../weights/adapter_weights.ts";
import { FullWeights } from "../weights/full_weights.ts";
import type { TrainedWeights } from "../weights/trained_weights.ts";
import { type ModelDefinition, readModelFolder } from "./registry.ts";

/** What of a model is to be trained. */
export interface TrainingOptions {
  /** Adapters of this kind; otherwise whole parameter groups. A folder that holds an adapter goes on with that. */
  readonly adapter?: AdapterOptions | null | undefined;
  /** The folder of the model itself, where an adapter's does not lie under the name that the adapter has for it. */
  readonly base?: string | undefined;
  /** Default: as the model's folder says. */
  readonly resolution?: Resolution | undefined;
  /** Whether a parameter group is trained where there are no adapters. */
  readonly trains: (group: ParameterGroup) => boolean;
}

/** A model with its weights. */
export interface OpenedModel extends ModelDefinition {
  /** The folder of the model itself, which an adapter's names. */
  readonly base: string;
  readonly weights: TrainedWeights;
}

/**
 * Opens a Hugging Face model folder, or a PEFT adapter's; throws a `VisplayError` of code "model" where it is not one
 * that fits.
 */
export async function openWeights(
  folder: string,
  { adapter, base: known, resolution, trains }: TrainingOptions,
): Promise<OpenedModel> {
  const adapted = await isAdapterFolder(folder);
  const base = adapted ? (known ?? (await readAdapterConfig(folder)).base) : folder;
  const definition = await (await readModelFolder(base, resolution)).define();
  const { model } = definition;
  const specs = model.parameters;
  const withWeights = (weights: TrainedWeights): OpenedModel => ({ ...definition, base, weights });
  const adaptedModel = { base, specs, moduleNames: (layer: string) => model.moduleNames(layer) };
  if (adapted) return withWeights(await AdapterWeights.open(adaptedModel, folder));
  if (adapter) return withWeights(await AdapterWeights.create(adaptedModel, adapter));
  return withWeights(await FullWeights.open(base, specs, trains));
}
