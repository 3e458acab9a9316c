import type { Feeds } from "../../autodiff/onnx/session.ts";
import { logSoftmax, mul, neg, reduceSum } from "../../autodiff/operators/index.ts";
import { input, type Tensor } from "../../autodiff/tensor.ts";
import type { RgbImage } from "../../images/image.ts";
import { cells, type Layout } from "../../images/scenes/scene.ts";
import { encodeImages, paddedRows } from "../embedded/graphs.ts";
import { imageFeeds } from "../embedded/image_feeds.ts";
import type { LocalPolicy } from "../embedded/local_policy.ts";
import { gradientOutputs } from "../embedded/update_graph.ts";
import type { ImageBucket, PreparedImage } from "../models/vision_language_model.ts";
import { wordId } from "./embedded_model.ts";

/**
 * A loss on the image's rows themselves: the words that each names under the output head should be its cell,
 * and the colour and shape of what lies there. It aligns the vision tower with the vocabulary before, and while, the
 * text model learns to read it.
 */
export async function accumulateDenseVision(
  policy: LocalPolicy,
  batch: readonly { readonly image: RgbImage; readonly scene: Layout }[],
  weight: number,
): Promise<number> {
  const { model, sessions, learner, encoder } = policy;
  const prepared = batch.map(({ image }) => encoder.prepare(image));
  const one = model.bucket((prepared[0] as PreparedImage).shape);
  const all = { ...one, tiles: batch.length };
  const session = await sessions.get("dense_vision", all, () => denseVisionGraph(policy, all));
  const targets = new Float32Array(paddedRows(all) * model.config.text.vocabSize);
  batch.forEach(({ scene }, i) => {
    cells.forEach((cell, c) => {
      const thing = scene.objects.find((object) => object.cell === cell);
      const words = thing ? [cell, thing.color, thing.shape] : [cell];
      const row = (i * cells.length + c) * model.config.text.vocabSize;
      for (const word of words)
        targets[row + wordId(word)] = weight / (words.length * batch.length * cells.length);
    });
  });
  const feeds: Feeds = { ...imageFeeds(model, prepared, one, batch.length), targets };
  const { loss } = await learner.accumulate(session, feeds);
  return loss?.[0] ?? Number.NaN;
}

function denseVisionGraph(policy: LocalPolicy, images: ImageBucket): Record<string, Tensor> {
  const { model, tensors: w, learner } = policy;
  const logits = model.logits(w, encodeImages(model, w, images));
  const targets = input("targets", logits.shape);
  const loss = neg(reduceSum(mul(targets, logSoftmax(logits)), { axes: [0, 1], keepDims: false }));
  return { loss, ...gradientOutputs(loss, w, learner.trainable) };
}
