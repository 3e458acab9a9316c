import type { Feeds } from "../../autodiff/onnx/session.ts";
import type { ImageBucket, PreparedImage, VisionLanguageModel } from "../models/vision_language_model.ts";

/**
 * What a graph that encodes `count` images of a bucket is fed of them: `patches` [count · tiles · patches, patchWidth],
 * and what follows from grids.
 */
export function imageFeeds(
  model: VisionLanguageModel,
  images: readonly Pick<PreparedImage, "shape" | "patches">[],
  bucket: ImageBucket,
  count = 1,
): Feeds {
  const perTile = bucket.patches * model.patchWidth;
  const patches = new Float32Array(count * bucket.tiles * perTile);
  for (const [i, image] of images.entries()) {
    const own = image.patches.length / image.shape.tiles;
    for (let tile = 0; tile < image.shape.tiles; tile++)
      patches.set(image.patches.subarray(tile * own, (tile + 1) * own), (i * bucket.tiles + tile) * perTile);
  }
  const shapes = images.map(({ shape }) => shape);
  return { patches, ...model.gridFeeds(shapes, { ...bucket, tiles: count * bucket.tiles }) };
}
