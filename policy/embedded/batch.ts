import type { Feeds } from "../../autodiff/onnx/session.ts";
import { masked, tokensIn } from "../models/attention.ts";
import type { ImageBucket, Positions, VisionLanguageModel } from "../models/vision_language_model.ts";
import { type BatchShape, paddedRows } from "./graphs.ts";
import type { Shaped, Stretch } from "./stretch.ts";

/** A prefix, and what follows it. */
export interface Branching {
  readonly prefix: Stretch<Shaped>;
  readonly branches: readonly Stretch<Shaped>[];
}

/** The next size of which graphs are compiled: few sizes, little padding. */
export function bucket(length: number): number {
  const step = length <= 64 ? 8 : length <= 256 ? 32 : 128;
  return Math.max(8, Math.ceil(length / step) * step);
}

export function nextPowerOfTwo(n: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, n)));
}

/** Places for images: none, or a power of two. */
export function imagePlaces(images: number): number {
  return images === 0 ? 0 : nextPowerOfTwo(images);
}

/** The bucket that takes each of some images, one image's own; of no images an empty one. */
export function coveringBucket(
  model: Pick<VisionLanguageModel, "bucket">,
  images: readonly Shaped[],
): ImageBucket {
  const buckets = images.map(({ shape }) => model.bucket(shape));
  const most = (size: keyof ImageBucket): number => Math.max(0, ...buckets.map((each) => each[size]));
  return { tiles: most("tiles"), patches: most("patches"), rows: most("rows"), windows: most("windows") };
}

/**
 * The feeds of a tree of tokens, padded on the right to `shape`. Prefixes beyond the given ones repeat the first, missing
 * branches are padding, and so are the image rows that an image has less than its bucket. A prefix's images come before
 * those of its branches.
 */
export function treeFeeds(
  model: VisionLanguageModel,
  shape: BatchShape,
  groups: readonly Branching[],
): Feeds {
  const { prefixes, prefixLength, branches, branchLength } = shape;
  const total = tokensIn(shape);
  const bias = new Float32Array(prefixes * prefixLength).fill(masked);
  const feeds = new TokenFeeds(model, total, shape.image);
  for (let p = 0; p < prefixes; p++) {
    const group = groups[p] ?? (groups[0] as Branching);
    const start = p * prefixLength;
    let place = p * shape.imagesPerPrefix;
    const { next } = feeds.put(group.prefix, start, 0, place);
    place += group.prefix.images.length;
    bias.fill(0, start, start + group.prefix.tokens.length);
    if (p >= groups.length) continue;
    for (const [b, branch] of group.branches.entries()) {
      feeds.put(branch, prefixes * prefixLength + (p * branches + b) * branchLength, next, place);
      place += branch.images.length;
    }
  }
  return { ...feeds.feeds, prefix_bias: bias };
}

/** What the text model is fed of `total` tokens that may show images. */
export class TokenFeeds {
  readonly #model: VisionLanguageModel;
  readonly #total: number;
  readonly #imageRows: number;
  readonly #tokens: BigInt64Array;
  readonly #positions: BigInt64Array;
  readonly #sources: BigInt64Array;

  constructor(model: VisionLanguageModel, total: number, image: ImageBucket) {
    this.#model = model;
    this.#total = total;
    this.#imageRows = paddedRows(image);
    this.#tokens = new BigInt64Array(total).fill(BigInt(model.config.padTokenId));
    this.#positions = new BigInt64Array(model.positionAxes * total);
    this.#sources = BigInt64Array.from({ length: total }, (_, t) => BigInt(t));
  }

  /** Puts tokens at row `at`, from a position on, and their images at places from `place` on; returns where they stand. */
  put({ tokens, images }: Stretch<Shaped>, at: number, position: number, place: number): Positions {
    const positions = this.#model.positions(tokens.length, images, position);
    for (let t = 0; t < tokens.length; t++) this.#tokens[at + t] = BigInt(tokens[t] as number);
    for (const [a, axis] of positions.axes.entries())
      for (let t = 0; t < tokens.length; t++)
        this.#positions[a * this.#total + at + t] = BigInt(axis[t] as number);
    for (const [i, { start, shape }] of images.entries()) {
      const first = this.#total + (place + i) * this.#imageRows;
      const rows = this.#model.rows(shape);
      for (let [t, row] = [start, 0]; row < rows; t++) {
        if (t >= tokens.length) throw new RangeError(`${row} image tokens for ${rows} image rows`);
        if (tokens[t] === this.#model.config.imageTokenId) this.#sources[at + t] = BigInt(first + row++);
      }
    }
    return positions;
  }

  /** `tokens` [N], `positions` [axes · N], and, where there are places for images, `sources` [N]. */
  get feeds(): Feeds {
    const { tokens, positions } = { tokens: this.#tokens, positions: this.#positions };
    return this.#imageRows === 0 ? { tokens, positions } : { tokens, positions, sources: this.#sources };
  }
}

/** For each prefix the row of the token matrix that holds its last token, [P]. */
export function prefixEnds(
  { prefixes, prefixLength }: BatchShape,
  groups: readonly Branching[],
): BigInt64Array {
  return BigInt64Array.from({ length: prefixes }, (_, p) => {
    const { prefix } = groups[p] ?? (groups[0] as Branching);
    return BigInt(p * prefixLength + prefix.tokens.length - 1);
  });
}

/** For each branch the row of the token matrix that holds its last token (its first where it is empty), [P · G]. */
export function branchEnds(shape: BatchShape, groups: readonly Branching[]): BigInt64Array {
  const { prefixes, prefixLength, branches, branchLength } = shape;
  return BigInt64Array.from({ length: prefixes * branches }, (_, i) => {
    const length = groups[Math.floor(i / branches)]?.branches[i % branches]?.tokens.length ?? 1;
    return BigInt(prefixes * prefixLength + i * branchLength + Math.max(1, length) - 1);
  });
}
