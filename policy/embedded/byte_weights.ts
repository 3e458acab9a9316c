import type { Feeds } from "../../autodiff/onnx/session.ts";
import { fileTensor, input } from "../../autodiff/tensor.ts";
import { type FilePlace, sameShape, sizeOf } from "../../autodiff/tensor_type.ts";
import type { LowRank } from "../models/layers.ts";
import { cachedFile, identityOf } from "../weights/cached_file.ts";
import { locateTensors, readFloats, type TensorPlace } from "../weights/safetensors.ts";
import { type TensorSource, writeSafetensors } from "../weights/safetensors_writer.ts";
import { type ByteLayer, type ByteMatrix, byteLayers, roundingGraph } from "./byte_layers.ts";
import { type JoinedAdapter, joinedAdapters, joinedFeeds } from "./joined_adapters.ts";
import type { GraphTools } from "./sessions.ts";

/** A matrix [in, out] in bytes, and the steps [out] in which its columns count. */
interface Rounded {
  readonly bytes: Int8Array;
  readonly steps: Float32Array;
}

/** A frozen layer, and where the floats of its parts lie. */
interface Frozen {
  readonly layer: ByteLayer;
  readonly places: readonly TensorPlace[];
}

/**
 * The matrices of a policy's linear layers in bytes. Of layers that stay as they are they lie in a file in the cache folder,
 * which graphs map; those of trained layers are fed, rounded anew for each version of the weights.
 */
export class ByteWeights {
  readonly layers: readonly ByteLayer[];
  readonly matrices: ReadonlyMap<string, ByteMatrix>;
  readonly #tools: GraphTools;
  readonly #steps: number;
  readonly #trained: readonly ByteLayer[];
  readonly #joined: readonly JoinedAdapter[];
  #fed: { readonly key: string; readonly feeds: Feeds } = { key: "", feeds: {} };

  private constructor(
    tools: GraphTools,
    steps: number,
    layers: readonly ByteLayer[],
    matrices: ReadonlyMap<string, ByteMatrix>,
    trained: readonly ByteLayer[],
  ) {
    this.layers = layers;
    this.matrices = matrices;
    this.#tools = tools;
    this.#steps = steps;
    this.#trained = trained;
    this.#joined = joinedAdapters(tools.tensors, layers);
  }

  /** The adapters of layers whose products are made together. */
  get adapters(): ReadonlyMap<string, LowRank> {
    return new Map(this.#joined.map(({ layer, adapter }) => [layer.name, adapter]));
  }

  /** `steps` from 0 reach a column's greatest magnitude. Throws a `VisplayError` of code "disk" where the file cannot be written. */
  static async open(tools: GraphTools, steps: number): Promise<ByteWeights> {
    const layers = byteLayers(tools.model);
    const frozen = layers.flatMap((layer): Frozen[] => {
      const places = layer.layers.flatMap((name) => storedPlace(tools, `${name}.weight`));
      return places.length === layer.layers.length ? [{ layer, places }] : [];
    });
    const stored = frozen.length > 0 ? await roundedFile(tools, frozen, steps) : new Map<string, FilePlace>();
    const matrices = layers.map((layer): [string, ByteMatrix] => {
      const { name, inputs, outputs } = layer;
      const width = outputs.reduce((sum, each) => sum + each, 0);
      const [bytes, sizes] = [stored.get(bytesName(name)), stored.get(stepsName(name))];
      return [
        name,
        {
          bytes: bytes
            ? fileTensor(bytes, [inputs, width], "int8")
            : input(bytesName(name), [inputs, width], "int8"),
          steps: sizes ? fileTensor(sizes, [width]) : input(stepsName(name), [width]),
        },
      ];
    });
    const frozenNames = new Set(frozen.map(({ layer }) => layer.name));
    const trained = layers.filter(({ name }) => !frozenNames.has(name));
    return new ByteWeights(tools, steps, layers, new Map(matrices), trained);
  }

  /** What graphs are fed of what is trained, whose numbers `views` holds; `key` names these numbers. */
  async feeds(key: string, views: Readonly<Record<string, Float32Array>>): Promise<Feeds> {
    if (this.#fed.key === key) return this.#fed.feeds;
    const feeds: Record<string, Int8Array | Float32Array> = joinedFeeds(
      this.#tools.tensors,
      this.#joined,
      views,
    );
    for (const layer of this.#trained) {
      const weights = layer.layers.map((name) => views[`${name}.weight`] as Float32Array);
      const { bytes, steps } = await round(this.#tools, layer, weights, this.#steps);
      feeds[bytesName(layer.name)] = bytes;
      feeds[stepsName(layer.name)] = steps;
    }
    this.#fed = { key, feeds };
    return feeds;
  }

  /** Forgets what it rounded: the weights of a version are others now. */
  forget(): void {
    this.#fed = { key: "", feeds: {} };
  }
}

// Those of 32 bits come first in the file, which is sorted by name, so that they are aligned.
const stepsName = (layer: string): string => `steps of ${layer}`;
const bytesName = (layer: string): string => `weight of ${layer}`;

function storedPlace({ tensors }: GraphTools, name: string): TensorPlace[] {
  const { source, shape } = tensors(name);
  return source.kind === "stored" ? [{ ...source.place, dtype: "F32", shape }] : [];
}

async function round(
  { sessions }: GraphTools,
  { inputs, outputs }: ByteLayer,
  weights: readonly Float32Array[],
  steps: number,
): Promise<Rounded> {
  const shape = { inputs, outputs };
  const session = await sessions.get("rounding", { ...shape, steps }, () => roundingGraph(shape, steps));
  const feeds = Object.fromEntries(weights.map((weight, i) => [`weight_${i}`, weight]));
  return (await session.run(feeds)) as unknown as Rounded;
}

/** Where the matrices of frozen layers lie in bytes, by name; the file is of just these floats, and made where it is not there. */
async function roundedFile(
  tools: GraphTools,
  frozen: readonly Frozen[],
  steps: number,
): Promise<Map<string, FilePlace>> {
  const floats = new Map(
    frozen.flatMap(({ layer, places }) => places.map((place, i) => [`${layer.name} ${i}`, place] as const)),
  );
  const sources = new Map(frozen.flatMap((each) => sourcesOf(tools, each, steps)));
  const fits = async (path: string): Promise<boolean> => {
    const found = await locateTensors(path).catch(() => null);
    return (
      found !== null &&
      [...sources].every(([name, { shape }]) => sameShape(found.get(name)?.shape ?? [], shape))
    );
  };
  const name = `${await identityOf(floats)}-${steps}.safetensors`;
  const path = await cachedFile(name, fits, (own) => writeSafetensors(own, sources));
  return locateTensors(path);
}

function sourcesOf(tools: GraphTools, { layer, places }: Frozen, steps: number): [string, TensorSource][] {
  const width = layer.outputs.reduce((sum, each) => sum + each, 0);
  const rounded = async (): Promise<Rounded> => {
    const weights: Float32Array[] = [];
    for (const place of places) weights.push(await readFloats(place, new Float32Array(sizeOf(place.shape))));
    return round(tools, layer, weights, steps);
  };
  return [
    [stepsName(layer.name), { shape: [width], compute: async () => (await rounded()).steps }],
    [bytesName(layer.name), { shape: [layer.inputs, width], bytes: async () => (await rounded()).bytes }],
  ];
}
