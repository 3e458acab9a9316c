import type { Tensor } from "../../autodiff/tensor.ts";
import type { TensorData } from "../../autodiff/tensor_type.ts";
import type { RgbImage } from "../../images/image.ts";
import type { ImageScaling } from "../../images/scaling.ts";
import type { Heads } from "./attention.ts";
import type { Attend, Weights } from "./layers.ts";

/** Parameters that share a learning rate. */
export type ParameterGroup = "text" | "connector" | "vision";

export interface ParameterSpec {
  /** The name in the model's files. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly group: ParameterGroup;
}

/** What every configuration says, whatever the architecture. */
export interface ModelConfig {
  readonly modelType: string;
  readonly text: {
    readonly hiddenSize: number;
    readonly intermediateSize: number;
    readonly layers: number;
    readonly vocabSize: number;
    /** The longest sequence, in tokens. */
    readonly maxPositions: number;
  };
  /** Stands for one row of an image's embeddings. */
  readonly imageTokenId: number;
  readonly padTokenId: number;
  /** Any of these ends a completion. */
  readonly eosTokenIds: readonly number[];
}

/** An image's own sizes. */
export interface ImageShape {
  /** Parts that don't see each other in the vision tower: the image's tiles, or the image as its only one. */
  readonly tiles: number;
  /** Patches of a tile, from top to bottom. */
  readonly height: number;
  /** Patches of a tile, from left to right. */
  readonly width: number;
}

/**
 * The sizes of the graphs that take an image: its tiles', each padded to one of few, so that images of a thousand grids
 * need a few dozen graphs. They follow from the image's shape alone, and with them the bits of its rows. Images of equal
 * buckets go through the vision tower together and share batches; only those of one tile are padded.
 */
export interface ImageBucket {
  readonly tiles: number;
  /** Patches of a tile. */
  readonly patches: number;
  /** Rows that a tile becomes. */
  readonly rows: number;
  /** Windows of a tile within which patches see each other; 0 where it is not cut into windows. */
  readonly windows: number;
}

/** An image as the vision tower takes it. */
export interface PreparedImage {
  readonly id: string;
  readonly shape: ImageShape;
  /** [tiles · height · width, patchWidth]. */
  readonly patches: Float32Array;
  /** What stands for the image in a prompt: as many image tokens as it has rows, and what marks its parts. */
  readonly placeholder: string;
}

/** Turns images into a model's inputs, equal to Python's. */
export interface ImageProcessor {
  /** What a chat template writes for an image. */
  readonly imageToken: string;
  /** How an image is scaled before all else; null where any size is kept. */
  readonly scaling: ImageScaling | null;
  /** Throws a `VisplayError` of code "images" if the image is too large or too narrow for the model. */
  prepare(image: RgbImage): PreparedImage;
}

/** An image among tokens: its first image token's place. */
export interface ShownShape {
  readonly shape: ImageShape;
  readonly start: number;
}

/** Where tokens stand. */
export interface Positions {
  /** The tokens' positions along each axis, [axes][N]. */
  readonly axes: readonly ArrayLike<number>[];
  /** The position, along all axes, of the token that follows them; each later one stands one further. */
  readonly next: number;
}

/** What the text model reads beside embeddings [N, D]. */
export interface TextInputs {
  /** [axes · N], all below `maxPositions`. */
  readonly positions: Tensor;
  readonly maxPositions: number;
  readonly attend: Attend;
  /** Added to the states that the first layers give, [N, D] each (default none). */
  readonly additions?: readonly Tensor[];
  /** What each layer starts from is added to it. */
  readonly starts?: Tensor[];
}

/**
 * An architecture as functions from parameters and inputs to graph tensors. The same functions make the graphs for
 * sampling, scoring and updating; only the attention between tokens differs. D is the text model's hidden size.
 */
export interface VisionLanguageModel {
  readonly config: ModelConfig;
  readonly parameters: readonly ParameterSpec[];
  /** Of the text model. */
  readonly heads: Heads;
  /** Numbers in a patch. */
  readonly patchWidth: number;
  /** How many positions a token has. */
  readonly positionAxes: number;
  /**
   * Numbers in a row of what an image becomes: its embedding, D, and D more for each of the text model's first layers to
   * whose states the image is added.
   */
  readonly imageWidth: number;
  /** Rows that an image becomes, one for each of its tokens. */
  rows(image: ImageShape): number;
  /** The sizes of the graphs that take such an image. */
  bucket(image: ImageShape): ImageBucket;
  /**
   * Vision tower and connector: patches [tiles · patches, patchWidth] to [tiles · rows, imageWidth]. What is padding
   * changes no other row.
   */
  encode(w: Weights, patches: Tensor, bucket: ImageBucket): Tensor;
  /** What `encode` reads beside patches, by the inputs' names, for images of the bucket's tiles at most. */
  gridFeeds(images: readonly ImageShape[], bucket: ImageBucket): Readonly<Record<string, TensorData>>;
  /** Token embeddings: ids [N] to [N, D]. */
  embed(w: Weights, tokens: Tensor): Tensor;
  /** The text model: embeddings [N, D] to states [N, D]. */
  text(w: Weights, x: Tensor, inputs: TextInputs): Tensor;
  /** Next-token logits [M, V] of states [M, D] that `text` gave, divided by a temperature; 0, greedy, counts as 1. */
  logits(w: Weights, hidden: Tensor, temperature?: number): Tensor;
  /** The names that transformers has, and had in earlier versions, for a layer of the model's files; the present one first. */
  moduleNames(layer: string): readonly [string, ...string[]];
  /** The positions of some tokens of a sequence, the first of which stands at `first`; images begin where they say. */
  positions(length: number, images: readonly ShownShape[], first: number): Positions;
}

export function patchesIn({ tiles, height, width }: ImageShape): number {
  return tiles * height * width;
}

export function sameBucket(a: ImageBucket, b: ImageBucket): boolean {
  return compareBuckets(a, b) === 0;
}

/** An order of buckets, for sorting. */
export function compareBuckets(a: ImageBucket, b: ImageBucket): number {
  return a.tiles - b.tiles || a.patches - b.patches || a.windows - b.windows;
}
