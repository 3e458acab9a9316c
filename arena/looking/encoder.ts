import { deriveSeed } from "../../common/random.ts";
import { zip } from "../../common/zip.ts";
import type { RgbImage } from "../../images/image.ts";
import { SceneSource } from "../../images/scenes/source.ts";
import type { Fit } from "../../images/shrink.ts";
import { view } from "../../images/views.ts";
import type { ImageFeatures, Policy, WeightSet } from "../../policy/port.ts";
import type { Estimate, LookingFigure } from "../../replay/events.ts";
import type { EvaluationConfig } from "../config/evaluation.ts";
import type { Tests } from "../ports.ts";
import { meanChange, meanScore } from "../statistics.ts";
import { cellFeatures, cellsRead, fitCells } from "./cell_readout.ts";
import { meanFeatures, selfFound } from "./neighbours.ts";
import type { LinearReadout } from "./ridge.ts";

/** Scores of pictures, 0 to 1, in an order that is always the same. */
type PictureScores = readonly number[];

/** What is known of a policy's base, once and for all. */
interface KnownBase {
  readonly readout: LinearReadout | null;
  readonly scores: PictureScores;
}

/** Scenes that a read-out is fitted to. */
const FITTED = 240;

/** Images whose features are in memory at once, before they are put together. */
const AT_ONCE = 16;

/** Images that are encoded for that, in the mean of so many evaluations of one policy. */
export function encodedImages(
  { data, encoder: { pictures } }: Pick<EvaluationConfig, "data" | "encoder">,
  evaluations: number,
): number {
  if (pictures === 0) return 0;
  const each = data === null ? pictures : 2 * pictures;
  return each + (each + (data === null ? FITTED : 0)) / evaluations;
}

/**
 * Whether an image encoder, the vision tower with its connector, still gives what its base gave: a linear read-out that is
 * fitted to the base's features of scenes says what is in their cells; of pictures of which nothing is known, or whose rows
 * are no grid of cells, each looks for itself among the others by a view of it. Against the base's own scores. Nothing where
 * the encoder does not learn.
 */
export class EncoderProbe {
  readonly #config: EvaluationConfig;
  readonly #tests: Tests;
  readonly #bases = new WeakMap<Policy, KnownBase>();

  constructor(config: EvaluationConfig, tests: Tests) {
    this.#config = config;
    this.#tests = tests;
  }

  async measure(
    policy: Policy,
    fit: Fit,
    signal: AbortSignal,
  ): Promise<Partial<Record<LookingFigure, Estimate>>> {
    const { trainsImages } = await policy.info();
    if (!trainsImages || this.#config.encoder.pictures === 0) return {};
    const base = this.#bases.get(policy) ?? (await this.#knownBase(policy, fit, signal));
    this.#bases.set(policy, base);
    const scores = await this.#scores({ policy, weights: "policy", signal }, base.readout, fit);
    if (scores.length === 0) return {};
    return {
      encoder: meanScore(scores),
      encoderBase: meanScore(base.scores),
      encoderFall: meanChange(zip(base.scores, scores).map(([before, now]) => before - now)),
    };
  }

  async #knownBase(policy: Policy, fit: Fit, signal: AbortSignal): Promise<KnownBase> {
    const encoding = { policy, weights: "reference", signal } as const;
    const readout = this.#config.data === null ? await this.#fitted(encoding) : null;
    return { readout, scores: await this.#scores(encoding, readout, fit) };
  }

  /** Null where the rows are no grid of cells. */
  async #fitted(encoding: Encoding): Promise<LinearReadout | null> {
    const scenes = this.#scenes("fitted", FITTED);
    const features = await encode(encoding, await drawn(scenes), cellFeatures);
    return isWhole(features) ? fitCells(features, layoutsOf(scenes)) : null;
  }

  async #scores(encoding: Encoding, readout: LinearReadout | null, fit: Fit): Promise<PictureScores> {
    const {
      seed,
      data,
      encoder: { pictures },
    } = this.#config;
    const scenes = this.#scenes("probed", pictures);
    if (readout) {
      const features = await encode(encoding, await drawn(scenes), cellFeatures);
      if (!isWhole(features)) return [];
      return zip(features, layoutsOf(scenes)).map(([own, layout]) => cellsRead(readout, own, layout));
    }
    const images = data === null ? await drawn(scenes) : await this.#testPictures(pictures, fit);
    const views = await Promise.all(images.map((image) => view(image, 1, seed, encoding.signal)));
    const found = selfFound(
      await encode(encoding, images, meanFeatures),
      await encode(encoding, views, meanFeatures),
    );
    return found.map(Number);
  }

  #scenes(purpose: string, count: number): SceneSource {
    const { domain, seed } = this.#config;
    return new SceneSource({ domain, count, seed: deriveSeed(seed, "encoder", purpose) });
  }

  /** The first pictures of the tests, each once. */
  async #testPictures(count: number, fit: Fit): Promise<RgbImage[]> {
    const images = new Map<string, RgbImage>();
    const { questionsPerChunk } = this.#config;
    for (let start = 0; start < this.#tests.length && images.size < count; start += questionsPerChunk)
      for (const { image } of await this.#tests.read(start, start + questionsPerChunk, fit))
        if (images.size < count) images.set(image.id, image);
    return [...images.values()];
  }
}

/** By which weights of whom images are encoded. */
interface Encoding {
  readonly policy: Policy;
  readonly weights: WeightSet;
  readonly signal: AbortSignal;
}

/** What is made of images' features, some at a time. */
async function encode<T>(
  { policy, weights, signal }: Encoding,
  images: readonly RgbImage[],
  make: (features: ImageFeatures) => T,
): Promise<T[]> {
  const made: T[] = [];
  for (let start = 0; start < images.length; start += AT_ONCE)
    made.push(
      ...(await policy.features(images.slice(start, start + AT_ONCE), { weights }, signal)).map(make),
    );
  return made;
}

function drawn(scenes: SceneSource): Promise<RgbImage[]> {
  return Promise.all(Array.from({ length: scenes.length }, (_, index) => scenes.draw(index)));
}

function layoutsOf(scenes: SceneSource) {
  return Array.from({ length: scenes.length }, (_, index) => scenes.scene(index));
}

function isWhole<T>(features: readonly (T | null)[]): features is readonly T[] {
  return features.every((own) => own !== null);
}
