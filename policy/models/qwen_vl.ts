import type { Tensor } from "../../autodiff/tensor.ts";
import type { TensorData } from "../../autodiff/tensor_type.ts";
import type { Heads } from "./attention.ts";
import { Decoder, type DecoderVariant } from "./decoder.ts";
import type { Weights } from "./layers.ts";
import { multimodalPositions, multimodalRotation } from "./mrope.ts";
import type { QwenVlConfig } from "./qwen_vl_config.ts";
import { paddedCells } from "./qwen_vl_grid.ts";
import { rotationFeeds, wholeFeeds } from "./qwen_vl_padding.ts";
import {
  type ImageBucket,
  type ImageShape,
  type ParameterSpec,
  type Positions,
  patchesIn,
  type ShownShape,
  type TextInputs,
  type VisionLanguageModel,
} from "./vision_language_model.ts";

/**
 * What Qwen's vision-language models have in common: a vision tower on images of any grid, whose cells of patches become
 * tokens, and a decoder whose tokens have positions in time, row and column. What depends on an image's grid is fed, so
 * that a graph serves all grids of about as many patches.
 */
export abstract class QwenVl<C extends QwenVlConfig = QwenVlConfig> implements VisionLanguageModel {
  readonly config: C;
  readonly parameters: readonly ParameterSpec[];
  readonly heads: Heads;
  readonly positionAxes = 3;
  readonly patchWidth: number;
  abstract readonly imageWidth: number;
  readonly #decoder: Decoder;

  /** `imageParameters` are those of vision tower and mergers. */
  constructor(config: C, variant: DecoderVariant, imageParameters: readonly ParameterSpec[]) {
    const { text, vision } = config;
    this.config = config;
    this.#decoder = new Decoder(text, variant);
    this.parameters = [...imageParameters, ...this.#decoder.parameters];
    this.heads = { heads: text.heads, kvHeads: text.kvHeads, headSize: text.headDim };
    this.patchWidth = 3 * vision.temporalPatchSize * vision.patchSize ** 2;
  }

  abstract encode(w: Weights, patches: Tensor, bucket: ImageBucket): Tensor;

  abstract moduleNames(layer: string): readonly [string, ...string[]];

  rows(image: ImageShape): number {
    return patchesIn(image) / this.config.vision.mergeSize ** 2;
  }

  bucket(image: ImageShape): ImageBucket {
    const rows = paddedCells(this.rows({ ...image, tiles: 1 }));
    return { tiles: image.tiles, patches: rows * this.config.vision.mergeSize ** 2, rows, windows: 0 };
  }

  gridFeeds(images: readonly ImageShape[], bucket: ImageBucket): Record<string, TensorData> {
    return { ...rotationFeeds(images, bucket, this.config.vision), ...wholeFeeds(images, bucket) };
  }

  embed(w: Weights, tokens: Tensor): Tensor {
    return this.#decoder.embed(w, tokens);
  }

  text(w: Weights, x: Tensor, { positions, maxPositions, ...inputs }: TextInputs): Tensor {
    const { text, ropeAxes } = this.config;
    const { headDim, ropeTheta: theta } = text;
    const rotate = multimodalRotation(positions, maxPositions, { headDim, theta, axes: ropeAxes });
    return this.#decoder.text(w, x, rotate, inputs);
  }

  logits(w: Weights, hidden: Tensor, temperature = 1): Tensor {
    return this.#decoder.logits(w, hidden, temperature);
  }

  positions(length: number, images: readonly ShownShape[], first: number): Positions {
    const grids = images.map(({ start, shape: { height, width } }) => ({ start, height, width }));
    return multimodalPositions(length, grids, this.config.vision.mergeSize, first);
  }
}
