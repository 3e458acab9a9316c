import { totalmem } from "node:os";
import { join } from "node:path";
import type { FilePlace } from "../../autodiff/tensor_type.ts";
import { modelError } from "../model_files.ts";
import type { Weights } from "../models/layers.ts";
import type { ParameterGroup, ParameterSpec } from "../models/vision_language_model.ts";
import { mapPlaces } from "./mapped_weights.ts";
import { copyModelFiles, locateParameters } from "./model_weights.ts";
import { parameterTensors } from "./parameter_tensors.ts";
import { ParameterLayout } from "./parameters.ts";
import { readFloats, type TensorPlace } from "./safetensors.ts";
import { type TensorSource, writeSafetensors } from "./safetensors_writer.ts";
import type { TrainedWeights } from "./trained_weights.ts";

/** Whole parameter groups are trained; the others stay in their files. */
export class FullWeights implements TrainedWeights {
  readonly layout: ParameterLayout;
  readonly tensors: Weights;
  readonly initial: Float32Array;
  readonly #folder: string;
  readonly #specs: readonly ParameterSpec[];
  readonly #frozen: ReadonlyMap<string, TensorPlace>;

  private constructor(
    folder: string,
    specs: readonly ParameterSpec[],
    layout: ParameterLayout,
    frozen: ReadonlyMap<string, TensorPlace>,
    mapped: ReadonlyMap<string, FilePlace>,
    initial: Float32Array,
  ) {
    this.#folder = folder;
    this.#specs = specs;
    this.#frozen = frozen;
    this.layout = layout;
    this.tensors = parameterTensors(specs, mapped);
    this.initial = initial;
  }

  /** Of a Hugging Face model folder; throws a `VisplayError` of code "model" where its weights do not fit `specs`, or memory. */
  static async open(
    folder: string,
    specs: readonly ParameterSpec[],
    trains: (group: ParameterGroup) => boolean,
  ): Promise<FullWeights> {
    const places = await locateParameters(folder, specs);
    const layout = new ParameterLayout(specs.filter(({ group }) => trains(group)));
    requireMemory(folder, layout);
    const frozen = new Map([...places].filter(([name]) => !layout.has(name)));
    return new FullWeights(
      folder,
      specs,
      layout,
      frozen,
      await mapPlaces(frozen),
      await readParameters(places, layout),
    );
  }

  async read(folder: string): Promise<Float32Array> {
    return readParameters(await locateParameters(folder, this.#specs), this.layout);
  }

  /** Writes an ordinary Hugging Face model folder. */
  async write(folder: string, flat: Float32Array): Promise<void> {
    await copyModelFiles(this.#folder, folder, "float32");
    await writeSafetensors(join(folder, "model.safetensors"), this.merge(flat));
  }

  merge(flat: Float32Array): Map<string, TensorSource> {
    return new Map<string, TensorSource>([...this.#frozen, ...this.layout.arrays(flat)]);
  }
}

function requireMemory(folder: string, { size }: ParameterLayout): void {
  const bytes = 4 * size;
  if (bytes <= totalmem()) return;
  const gigabytes = (n: number): string => `${(n / 1e9).toFixed(1)} GB`;
  const found = `the weights to train take ${gigabytes(bytes)} as 32-bit floats`;
  const remedy = "train an adapter (adapter.rank) or fewer parameters";
  throw modelError(folder, `${found}; this machine has ${gigabytes(totalmem())} of memory; ${remedy}`);
}

async function readParameters(
  places: ReadonlyMap<string, TensorPlace>,
  layout: ParameterLayout,
): Promise<Float32Array> {
  const flat = new Float32Array(layout.size);
  for (const { name } of layout.specs)
    await readFloats(places.get(name) as TensorPlace, layout.view(flat, name));
  return flat;
}
