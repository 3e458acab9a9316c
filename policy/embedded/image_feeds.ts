import type { Feeds } from "../../autodiff/onnx/session.ts";
import type { ImageBucket, PreparedImage, VisionLanguageModel } from "../models/vision_language_model.ts";

/** What a graph that encodes images is fed of them: `patches` [tiles · patches, patchWidth], and what follows from grids. */
export function imageFeeds(
  model: VisionLanguageModel,
  images: readonly Pick<PreparedImage, "shape" | "patches">[],
  bucket: ImageBucket,
): Feeds {
  const perTile = bucket.patches * model.patchWidth;
  const all = new Float32Array(bucket.tiles * perTile);
  let tile = 0;
  for (const { shape, patches } of images) {
    const own = patches.length / shape.tiles;
    for (let start = 0; start < patches.length; start += own, tile++)
      all.set(patches.subarray(start, start + own), tile * perTile);
  }
  const shapes = images.map(({ shape }) => shape);
  return { patches: all, ...model.gridFeeds(shapes, bucket) };
}
