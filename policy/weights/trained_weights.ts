import type { Weights } from "../models/layers.ts";
import type { ParameterLayout } from "./parameters.ts";
import type { TensorSource } from "./safetensors_writer.ts";

/** What of a model is trained, and how that lies on disk. */
export interface TrainedWeights {
  /** The trained parameters' places in one flat vector. */
  readonly layout: ParameterLayout;
  /** All parameters as graph tensors: trained ones are inputs, the others are mapped from their files. */
  readonly tensors: Weights;
  /** The flat vector to begin with. */
  readonly initial: Float32Array;
  /** The flat vector that `write` wrote; throws a `VisplayError` of code "model" where a folder holds none. */
  read(folder: string): Promise<Float32Array>;
  /** Writes a folder that opens as a model; throws a `VisplayError` of code "disk" where it cannot. */
  write(folder: string, flat: Float32Array): Promise<void>;
  /** The whole model with a flat vector's parameters in it, by the names in its files. */
  merge(flat: Float32Array): Map<string, TensorSource>;
}
