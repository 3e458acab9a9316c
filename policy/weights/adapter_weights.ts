import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type FilePlace, sizeOf } from "../../autodiff/tensor_type.ts";
import { VisplayError } from "../../common/errors.ts";
import { deriveSeed, RandomStream } from "../../common/random.ts";
import type { Weights } from "../models/layers.ts";
import type { ParameterSpec } from "../models/vision_language_model.ts";
import type { AdapterKind, AdapterOptions } from "../options.ts";
import {
  adaptedLayers,
  adapterScale,
  linearLayers,
  readAdapterConfig,
  targetPattern,
  writeAdapterConfig,
} from "./adapter_config.ts";
import { mapPlaces } from "./mapped_weights.ts";
import { locateParameters, requireTensors } from "./model_weights.ts";
import { adapterName, parameterTensors } from "./parameter_tensors.ts";
import { ParameterLayout } from "./parameters.ts";
import { locateTensors, readFloats, type TensorPlace } from "./safetensors.ts";
import { type TensorSource, writeSafetensors } from "./safetensors_writer.ts";
import type { TrainedWeights } from "./trained_weights.ts";

/** A model whose adapters are to be trained. */
export interface AdaptedModel {
  /** The folder of the model itself. */
  readonly base: string;
  readonly specs: readonly ParameterSpec[];
  /** The names that PEFT has, and had in earlier versions, for a layer of the model's files; the present one first. */
  readonly moduleNames: (layer: string) => readonly [string, ...string[]];
}

const fileName = "adapter_model.safetensors";
const prefix = "base_model.model.";

/** Low-rank adapters are trained; the model itself stays in its files, which all graphs of all policies share. */
export class AdapterWeights implements TrainedWeights {
  readonly layout: ParameterLayout;
  readonly tensors: Weights;
  readonly initial: Float32Array;
  readonly #model: AdaptedModel;
  readonly #config: AdapterKind;
  readonly #layers: readonly string[];
  readonly #places: ReadonlyMap<string, TensorPlace>;

  private constructor(
    model: AdaptedModel,
    config: AdapterKind,
    layers: readonly string[],
    places: ReadonlyMap<string, TensorPlace>,
    mapped: ReadonlyMap<string, FilePlace>,
    initialize: (layout: ParameterLayout) => Float32Array,
  ) {
    this.layout = new ParameterLayout(adapterSpecs(model, layers, config.rank));
    const specs = [...model.specs, ...this.layout.specs];
    this.tensors = parameterTensors(specs, mapped, adapterScale(config));
    this.initial = initialize(this.layout);
    this.#model = model;
    this.#config = config;
    this.#layers = layers;
    this.#places = places;
  }

  /** New adapters, which change nothing yet. Throws a `VisplayError` of code "model" or "config" where they do not fit. */
  static async create(model: AdaptedModel, options: AdapterOptions): Promise<AdapterWeights> {
    const layers = adaptedLayers(model.specs, options.layers);
    const places = await locateParameters(model.base, model.specs);
    const initialize = (layout: ParameterLayout) => newAdapters(layout, options.seed);
    return new AdapterWeights(model, options, layers, places, await mapPlaces(places), initialize);
  }

  /** Adapters that PEFT or `write` wrote; throws a `VisplayError` of code "model" where they do not fit the model. */
  static async open(model: AdaptedModel, folder: string): Promise<AdapterWeights> {
    const config = await readAdapterConfig(folder);
    const stored = await locateAdapter(model, folder);
    const all = linearLayers(model.specs).map(({ layer }) => layer);
    const layers = all.filter((layer) => stored.has(storedName(moduleName(model, layer), "A")));
    const places = await locateParameters(model.base, model.specs);
    const zeros = ({ size }: ParameterLayout) => new Float32Array(size);
    const weights = new AdapterWeights(model, config, layers, places, await mapPlaces(places), zeros);
    weights.initial.set(await weights.read(folder));
    return weights;
  }

  async read(folder: string): Promise<Float32Array> {
    const stored = await locateAdapter(this.#model, folder);
    const wanted = this.layout.specs.map(({ name, shape }) => ({ name: this.#storedName(name), shape }));
    requireTensors(join(folder, fileName), "adapter_config.json", stored, wanted);
    const flat = new Float32Array(this.layout.size);
    for (const { name } of this.layout.specs)
      await readFloats(stored.get(this.#storedName(name)) as TensorPlace, this.layout.view(flat, name));
    return flat;
  }

  /** Writes a PEFT adapter of a model that its readers find under the name `base`. */
  async write(folder: string, flat: Float32Array, base: string = resolve(this.#model.base)): Promise<void> {
    await mkdir(folder, { recursive: true }).catch((cause) => {
      throw new VisplayError("disk", `${folder}: cannot be made: ${cause.message}`, { cause });
    });
    const moduleOf = (layer: string): string => moduleName(this.#model, layer);
    const all = linearLayers(this.#model.specs).map(({ layer }) => moduleOf(layer));
    await writeAdapterConfig(folder, this.#config, base, targetPattern(this.#layers.map(moduleOf), all));
    const arrays = [...this.layout.arrays(flat)].map(
      ([name, array]) => [this.#storedName(name), array] as const,
    );
    await writeSafetensors(join(folder, fileName), new Map(arrays));
  }

  merge(flat: Float32Array): Map<string, TensorSource> {
    const tensors = new Map<string, TensorSource>(this.#places);
    const factor = adapterScale(this.#config);
    for (const layer of this.#layers) {
      const name = `${layer}.weight`;
      const place = this.#places.get(name) as TensorPlace;
      const [a, b] = (["A", "B"] as const).map((part) => this.layout.view(flat, adapterName(layer, part)));
      const compute = async (): Promise<Float32Array> => {
        const weight = await readFloats(place, new Float32Array(sizeOf(place.shape)));
        addProduct(weight, b as Float32Array, a as Float32Array, this.#config.rank, factor);
        return weight;
      };
      tensors.set(name, { shape: place.shape, compute });
    }
    return tensors;
  }

  /** PEFT's name of an adapter's tensor. */
  #storedName(name: string): string {
    const { layer, part } = partOf(name);
    return storedName(moduleName(this.#model, layer), part);
  }
}

const moduleName = ({ moduleNames }: AdaptedModel, layer: string): string => moduleNames(layer)[0];
const storedName = (module: string, part: "A" | "B") => `${prefix}${adapterName(module, part)}`;

/** Where an adapter's tensors lie, by the names that PEFT has for them now. */
async function locateAdapter(model: AdaptedModel, folder: string): Promise<Map<string, TensorPlace>> {
  const stored = await locateTensors(join(folder, fileName));
  const renamed = new Map<string, string>();
  for (const { layer } of linearLayers(model.specs)) {
    const [present, ...former] = model.moduleNames(layer);
    for (const name of former)
      for (const part of ["A", "B"] as const) renamed.set(storedName(name, part), storedName(present, part));
  }
  return new Map([...stored].map(([name, place]) => [renamed.get(name) ?? name, place]));
}

/** The layer and the part that an adapter's parameter belongs to. */
function partOf(name: string): { layer: string; part: "A" | "B" } {
  const [, layer, part] = /^(.*)\.lora_([AB])\.weight$/.exec(name) as unknown as [string, string, "A" | "B"];
  return { layer, part };
}

function adapterSpecs({ specs }: AdaptedModel, layers: readonly string[], rank: number): ParameterSpec[] {
  const adapted = new Set(layers);
  return linearLayers(specs)
    .filter(({ layer }) => adapted.has(layer))
    .flatMap(({ layer, group, shape: [out, into] }) => [
      { name: adapterName(layer, "A"), group, shape: [rank, into as number] },
      { name: adapterName(layer, "B"), group, shape: [out as number, rank] },
    ]);
}

/** w ← w + factor · b a for w [out, in], b [out, rank] and a [rank, in]. */
function addProduct(w: Float32Array, b: Float32Array, a: Float32Array, rank: number, factor: number): void {
  const width = a.length / rank;
  for (let row = 0; row * width < w.length; row++) {
    const out = w.subarray(row * width, (row + 1) * width);
    for (let r = 0; r < rank; r++) {
      const weight = factor * (b[row * rank + r] as number);
      for (let i = 0; i < width; i++) out[i] = (out[i] as number) + weight * (a[r * width + i] as number);
    }
  }
}

/** A uniform in ±1/√in as PEFT draws it, B zero: the model begins as it is. */
function newAdapters(layout: ParameterLayout, seed: number): Float32Array {
  const flat = new Float32Array(layout.size);
  for (const { name, shape } of layout.specs) {
    if (partOf(name).part === "B") continue;
    const values = layout.view(flat, name);
    const stream = new RandomStream(deriveSeed(seed, "adapter", name));
    const bound = (shape[1] as number) ** -0.5;
    for (let i = 0; i < values.length; i++) values[i] = (2 * stream.uniform() - 1) * bound;
  }
  return flat;
}
