import { gradient } from "../../autodiff/gradient.ts";
import { matmul, reshape } from "../../autodiff/operators/index.ts";
import { input, type Tensor } from "../../autodiff/tensor.ts";
import { zip } from "../../common/zip.ts";
import type { Weights } from "../models/layers.ts";
import type { VisionLanguageModel } from "../models/vision_language_model.ts";
import type { UpdateOptions } from "../port.ts";
import {
  type BatchShape,
  completionLogProbs,
  encodeImages,
  type Outputs,
  paddedRows,
  predictedLength,
  readyRows,
  type ScoreShape,
  treeStates,
} from "./graphs.ts";
import { crossEntropy, grpoLoss, type LossOptions } from "./loss.ts";

/** What an update minimises: GRPO, or cross-entropy of given completions. */
export type Objective =
  | { readonly kind: "cross_entropy" }
  | ({
      readonly kind: "grpo";
      /** Whether each token has an advantage of its own. */
      readonly tokenAdvantages: boolean;
    } & LossOptions &
      Pick<UpdateOptions, "temperature">);

/** What an update differentiates: a micro-batch that shows `images` different images. */
export interface UpdateShape extends ScoreShape {
  /** Null where neither vision tower nor connector is trained, or there are none: the image rows come ready-made. */
  readonly images: number | null;
  /** Whether the text model's layers are computed again in the backward pass instead of being kept (default false). */
  readonly recomputes?: boolean;
}

/**
 * Forward and backward of one micro-batch. `select` [places, images] picks what each place shows, so that an image
 * shared by several prefixes goes through the vision tower once. Gives the loss, its statistics, of GRPO also the `log_probs`
 * [P, G, T], and the gradient of each trainable parameter under `d:` and its name.
 */
export function updateGraph(
  model: VisionLanguageModel,
  w: Weights,
  shape: UpdateShape,
  objective: Objective,
  trainable: readonly string[],
): Outputs {
  const { prefixes: P, branches: G, images } = shape;
  const T = predictedLength(shape);
  const rows = images === null ? readyRows(model, P, shape) : encodedRows(model, w, shape, images);
  const starts: Tensor[] = [];
  const states = treeStates(model, w, shape, rows, { starts });
  const temperature = objective.kind === "grpo" ? objective.temperature : 1;
  const logProbs = completionLogProbs(model, w, shape, states, temperature);
  const weights = input("weights", [P, G, T]);

  const outputs: Outputs =
    objective.kind === "cross_entropy"
      ? { loss: crossEntropy(logProbs, weights) }
      : {
          ...grpoLoss(
            {
              logProbs,
              oldLogProbs: input("old_log_probs", [P, G, T]),
              referenceLogProbs: objective.beta === 0 ? null : input("reference_log_probs", [P, G, T]),
              advantages: input("advantages", [P, G, objective.tokenAdvantages ? T : 1]),
              weights,
            },
            objective,
          ),
          log_probs: logProbs,
        };
  const kept = shape.recomputes ? starts : [];
  return { ...outputs, ...gradientOutputs(outputs.loss as Tensor, w, trainable, kept) };
}

/** The rows of all places [P · imagesPerPrefix · R, imageWidth] from the patches of the different images. */
function encodedRows(model: VisionLanguageModel, w: Weights, shape: BatchShape, images: number): Tensor {
  const { prefixes, image, imagesPerPrefix } = shape;
  const { imageWidth } = model;
  const places = prefixes * imagesPerPrefix;
  const perImage = paddedRows(image);
  const all = { ...image, tiles: images * image.tiles };
  const rows = reshape(encodeImages(model, w, all), { shape: [images, perImage * imageWidth] });
  const picked = matmul(input("select", [places, images]), rows, {});
  return reshape(picked, { shape: [places * perImage, imageWidth] });
}

/** The gradient of each parameter, under `d:` and its name; what lies between those that are kept is computed again. */
export function gradientOutputs(
  loss: Tensor,
  w: Weights,
  names: readonly string[],
  kept: readonly Tensor[] = [],
): Outputs {
  const gradients = gradient(loss, names.map(w), kept);
  return Object.fromEntries(zip(names, gradients).map(([name, tensor]) => [`d:${name}`, tensor]));
}
