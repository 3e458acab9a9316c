import type { RgbImage } from "../images/image.ts";
import { nextPowerOfTwo } from "./batch.ts";
import { ByteCache } from "./byte_cache.ts";
import { visionGraph } from "./graphs.ts";
import type { Weights } from "./models/layers.ts";
import {
  type ImageProcessor,
  type ImageShape,
  type PreparedImage,
  patchesIn,
  sameImageShape,
  type VisionLanguageModel,
} from "./models/vision_language_model.ts";
import type { SessionCache } from "./sessions.ts";

/** Of patches, and of rows under some weights: an image of a large model may take fifty megabytes. */
const cacheBytes = { small: 32 * 2 ** 20, large: 256 * 2 ** 20 };
/** Weights whose rows are kept: those being trained, as they are now, and the run's base. */
const versionsKept = 2;
/** Tiles that go through the vision tower together at most. */
const tilesPerRun = 16;
/** Pairs of patches that one run compares with each other at most, if it holds more than one tile. */
const pairsPerRun = 2 ** 22;

interface Tile {
  readonly image: PreparedImage;
  readonly index: number;
}

/** Prepares images and runs them through the vision tower, each at most once while the weights stay the same. */
export class ImageEncoder {
  readonly #model: VisionLanguageModel;
  readonly #tensors: Weights;
  readonly #processor: ImageProcessor;
  readonly #sessions: SessionCache;
  readonly #budgetBytes: number;
  readonly #prepared: ByteCache<PreparedImage>;
  /** Images' rows by the weights that gave them, the least recently used first. */
  readonly #rows = new Map<string, ByteCache<Float32Array>>();

  /** `tensors` are the model's parameters in graphs; `large` is whether they are many. */
  constructor(
    model: VisionLanguageModel,
    tensors: Weights,
    processor: ImageProcessor,
    sessions: SessionCache,
    large: boolean,
  ) {
    this.#budgetBytes = large ? cacheBytes.large : cacheBytes.small;
    this.#prepared = new ByteCache(this.#budgetBytes, ({ patches }) => patches.byteLength);
    this.#model = model;
    this.#tensors = tensors;
    this.#processor = processor;
    this.#sessions = sessions;
  }

  /** Throws a `VisplayError` of code "images" if the image does not fit the model. */
  prepare(image: RgbImage): PreparedImage {
    const known = this.#prepared.get(image.id);
    if (known) return known;
    const prepared = this.#processor.prepare(image);
    this.#prepared.set(image.id, prepared);
    return prepared;
  }

  /**
   * The images' rows of text embeddings by id, [rows, D], under the weights that `version` names. `checkpoint` runs
   * between graph runs and may throw.
   */
  async encode(
    images: Iterable<PreparedImage>,
    weights: Readonly<Record<string, Float32Array>>,
    version: string,
    checkpoint: () => Promise<void>,
  ): Promise<Map<string, Float32Array>> {
    const cache = this.#rowsUnder(version);
    const result = new Map<string, Float32Array>();
    const absent = new Map<string, PreparedImage>();
    for (const image of images) {
      const known = cache.get(image.id);
      if (known) result.set(image.id, known);
      else absent.set(image.id, image);
    }
    const missing = [...absent.values()];
    for (const { id, shape } of missing) result.set(id, new Float32Array(this.#size(shape)));
    for (const chunk of runs(missing)) {
      await checkpoint();
      const rows = await this.#run(chunk, weights);
      const size = rows.length / nextPowerOfTwo(chunk.length);
      chunk.forEach(({ image, index }, i) => {
        const own = rows.subarray(i * size, (i + 1) * size);
        (result.get(image.id) as Float32Array).set(own, index * size);
      });
    }
    for (const { id } of missing) cache.set(id, result.get(id) as Float32Array);
    return result;
  }

  /** Forgets all encoded images: the weights are others now. */
  forget(): void {
    this.#rows.clear();
  }

  #rowsUnder(version: string): ByteCache<Float32Array> {
    const rows = this.#rows.get(version) ?? new ByteCache(this.#budgetBytes, ({ byteLength }) => byteLength);
    this.#rows.delete(version);
    this.#rows.set(version, rows);
    const [oldest] = this.#rows.keys();
    if (this.#rows.size > versionsKept) this.#rows.delete(oldest as string);
    return rows;
  }

  /** Rows of equal tiles, padded to a power of two of them. */
  async #run(chunk: readonly Tile[], weights: Readonly<Record<string, Float32Array>>): Promise<Float32Array> {
    const model = this.#model;
    const tile = tileOf((chunk[0] as Tile).image);
    const shape = { ...tile, tiles: nextPowerOfTwo(chunk.length) };
    const size = patchesIn(tile) * model.patchWidth;
    const patches = new Float32Array(shape.tiles * size);
    chunk.forEach(({ image, index }, i) => {
      patches.set(image.patches.subarray(index * size, (index + 1) * size), i * size);
    });
    const session = await this.#sessions.get("vision", shape, () => visionGraph(model, this.#tensors, shape));
    const { rows } = await session.run({ ...weights, patches });
    return rows as Float32Array;
  }

  /** Numbers in an image's rows. */
  #size(shape: ImageShape): number {
    return this.#model.rows(shape) * this.#model.config.text.hiddenSize;
  }
}

function tileOf({ shape }: PreparedImage): ImageShape {
  return { ...shape, tiles: 1 };
}

/** The tiles of images in runs of equal ones. */
function runs(images: readonly PreparedImage[]): Tile[][] {
  const result: Tile[][] = [];
  let left = images.flatMap((image) =>
    Array.from({ length: image.shape.tiles }, (_, index): Tile => ({ image, index })),
  );
  for (let [first] = left; first !== undefined; [first] = left) {
    const shape = tileOf(first.image);
    const same = left.filter(({ image }) => sameImageShape(tileOf(image), shape));
    left = left.filter(({ image }) => !sameImageShape(tileOf(image), shape));
    const perRun = Math.max(1, Math.min(tilesPerRun, Math.floor(pairsPerRun / patchesIn(shape) ** 2)));
    for (let start = 0; start < same.length; start += perRun) result.push(same.slice(start, start + perRun));
  }
  return result;
}
