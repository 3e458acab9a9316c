import type { RgbImage } from "../images/image.ts";
import { nextPowerOfTwo } from "./batch.ts";
import { ByteCache } from "./byte_cache.ts";
import { visionGraph } from "./graphs.ts";
import { type Idefics3Processor, patchify, type TileGrid } from "./models/idefics3_processor.ts";
import type { Weights } from "./models/layers.ts";
import type { SmolVlm } from "./models/smolvlm.ts";
import type { SessionCache } from "./sessions.ts";

/** An image as the vision tower takes it. */
export interface PreparedImage {
  readonly id: string;
  readonly tiles: number;
  readonly grid: TileGrid;
  /** [tiles · patchesPerTile, patchWidth]. */
  readonly patches: Float32Array;
}

const cacheBytes = 256 * 2 ** 20;
/** Tiles that go through the vision tower together. */
const tilesPerRun = 16;

/** Prepares images and runs them through the vision tower, each at most once while the weights stay the same. */
export class ImageEncoder {
  readonly #model: SmolVlm;
  readonly #tensors: Weights;
  readonly #processor: Idefics3Processor;
  readonly #sessions: SessionCache;
  readonly #prepared = new ByteCache<PreparedImage>(cacheBytes, ({ patches }) => patches.byteLength);
  readonly #rows = new ByteCache<Float32Array>(cacheBytes, (rows) => rows.byteLength);

  /** `tensors` are the model's parameters in graphs. */
  constructor(model: SmolVlm, tensors: Weights, processor: Idefics3Processor, sessions: SessionCache) {
    this.#model = model;
    this.#tensors = tensors;
    this.#processor = processor;
    this.#sessions = sessions;
  }

  /** Throws a `VisplayError` of code "images" if the image makes too many tiles. */
  prepare(image: RgbImage): PreparedImage {
    const known = this.#prepared.get(image.id);
    if (known) return known;
    const { pixels, tiles, rows, cols } = this.#processor.tiles(image);
    const { imageSize, patchSize } = this.#model.config.vision;
    const patches = patchify(pixels, imageSize, patchSize);
    const prepared = { id: image.id, tiles, grid: { rows, cols }, patches };
    this.#prepared.set(image.id, prepared);
    return prepared;
  }

  /**
   * The images' rows of text embeddings by id, [tiles · rowsPerTile, D], under the weights that `version` names.
   * `checkpoint` runs between graph runs and may throw.
   */
  async encode(
    images: Iterable<PreparedImage>,
    weights: Readonly<Record<string, Float32Array>>,
    version: string,
    checkpoint: () => Promise<void>,
  ): Promise<Map<string, Float32Array>> {
    const result = new Map<string, Float32Array>();
    const absent = new Map<string, PreparedImage>();
    for (const image of images) {
      const known = this.#rows.get(`${version}:${image.id}`);
      if (known) result.set(image.id, known);
      else absent.set(image.id, image);
    }
    const missing = [...absent.values()];
    const queue = missing.flatMap((image) =>
      Array.from({ length: image.tiles }, (_, tile) => ({ image, tile })),
    );
    for (const { id, tiles } of missing) result.set(id, new Float32Array(tiles * this.#rowSize));
    for (let start = 0; start < queue.length; start += tilesPerRun) {
      await checkpoint();
      const chunk = queue.slice(start, start + tilesPerRun);
      const rows = await this.#run(chunk, weights);
      chunk.forEach(({ image, tile }, i) => {
        const own = rows.subarray(i * this.#rowSize, (i + 1) * this.#rowSize);
        (result.get(image.id) as Float32Array).set(own, tile * this.#rowSize);
      });
    }
    for (const { id } of missing) this.#rows.set(`${version}:${id}`, result.get(id) as Float32Array);
    return result;
  }

  /** Forgets all encoded images: the weights are others now. */
  forget(): void {
    this.#rows.clear();
  }

  async #run(
    chunk: readonly { readonly image: PreparedImage; readonly tile: number }[],
    weights: Readonly<Record<string, Float32Array>>,
  ): Promise<Float32Array> {
    const model = this.#model;
    const tiles = nextPowerOfTwo(chunk.length);
    const size = model.patchesPerTile * model.patchWidth;
    const patches = new Float32Array(tiles * size);
    chunk.forEach(({ image, tile }, i) => {
      patches.set(image.patches.subarray(tile * size, (tile + 1) * size), i * size);
    });
    const session = await this.#sessions.get("vision", { tiles }, () =>
      visionGraph(model, this.#tensors, tiles),
    );
    const { rows } = await session.run({ ...weights, patches });
    return rows as Float32Array;
  }

  get #rowSize(): number {
    return this.#model.rowsPerTile * this.#model.config.text.hiddenSize;
  }
}
