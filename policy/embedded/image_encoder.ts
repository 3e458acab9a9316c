import { ByteCache } from "../../common/byte_cache.ts";
import type { RgbImage } from "../../images/image.ts";
import type { ImageProcessor, ImageShape, PreparedImage } from "../models/vision_language_model.ts";
import type { ActivityReport } from "./activity.ts";
import { visionGraph } from "./graphs.ts";
import { imageFeeds } from "./image_feeds.ts";
import type { Pause } from "./pause.ts";
import type { GraphTools } from "./sessions.ts";

/** Of patches, and of rows under some weights: an image of a large model may take fifty megabytes. */
const cacheBytes = { small: 8 * 2 ** 20, large: 256 * 2 ** 20 };
/** Weights whose rows are kept: those being trained, as they are now, and the run's base. */
const versionsKept = 2;

/** What an encoder has of its policy. */
export interface EncoderTools extends GraphTools {
  /** Whether the model is large. */
  readonly large: boolean;
  readonly activity: ActivityReport;
}

/**
 * Prepares images and runs them through the vision tower, each at most once while the weights stay the same. Tiles go
 * alone: how several threads split a product, and so the last bits of a row, depends on what is computed beside it, and
 * rows that are kept have to be those that a resumed run, which has lost them, computes again.
 */
export class ImageEncoder {
  readonly #tools: EncoderTools;
  readonly #processor: ImageProcessor;
  readonly #budgetBytes: number;
  readonly #prepared: ByteCache<PreparedImage>;
  /** Images' rows by the weights that gave them, the least recently used first. */
  readonly #rows = new Map<string, ByteCache<Float32Array>>();

  constructor(tools: EncoderTools, processor: ImageProcessor) {
    this.#tools = tools;
    this.#processor = processor;
    this.#budgetBytes = tools.large ? cacheBytes.large : cacheBytes.small;
    this.#prepared = new ByteCache(this.#budgetBytes, ({ patches }) => patches.byteLength);
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
   * The images' rows by id, [rows, imageWidth], under the weights that `version` names. `pause` is made
   * between graph runs.
   */
  async encode(
    images: Iterable<PreparedImage>,
    weights: Readonly<Record<string, Float32Array>>,
    version: string,
    pause: Pause,
  ): Promise<Map<string, Float32Array>> {
    const cache = this.#rowsUnder(version);
    const result = new Map<string, Float32Array>();
    const absent = new Map<string, PreparedImage>();
    for (const image of images) {
      const known = cache.get(image.id);
      if (known) result.set(image.id, known);
      else absent.set(image.id, image);
    }
    const tiles = [...absent.values()].reduce((sum, { shape }) => sum + shape.tiles, 0);
    this.#tools.activity.begin("encoding", tiles);
    for (const [id, image] of absent) {
      const rows = await this.#encode(image, weights, pause);
      result.set(id, rows);
      cache.set(id, rows);
    }
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

  /** An image's rows, tile by tile. */
  async #encode(
    { patches, shape }: PreparedImage,
    weights: Readonly<Record<string, Float32Array>>,
    pause: Pause,
  ): Promise<Float32Array> {
    const { model, tensors, sessions, activity } = this.#tools;
    const tile: ImageShape = { ...shape, tiles: 1 };
    const bucket = model.bucket(tile);
    const patchNumbers = patches.length / shape.tiles;
    const rowNumbers = model.rows(tile) * model.imageWidth;
    const all = new Float32Array(shape.tiles * rowNumbers);
    for (let i = 0; i < shape.tiles; i++) {
      await pause();
      const session = await sessions.get("vision", bucket, () => visionGraph(model, tensors, bucket));
      const own = patches.subarray(i * patchNumbers, (i + 1) * patchNumbers);
      const { rows } = await session.run({
        ...weights,
        ...imageFeeds(model, [{ shape: tile, patches: own }], bucket),
      });
      all.set((rows as Float32Array).subarray(0, rowNumbers), i * rowNumbers);
      activity.advance();
    }
    return all;
  }
}
