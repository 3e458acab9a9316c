import { describe, expect, test } from "vitest";
import { Session } from "../../../autodiff/onnx/session.ts";
import { gather, mul, reduceSum } from "../../../autodiff/operators/index.ts";
import { input, integers } from "../../../autodiff/tensor.ts";
import { RandomStream } from "../../../common/random.ts";
import { imageOf } from "../../../images/image.ts";
import { parsePatching, patchGrid } from "../../../policy/chat/qwen_vl_processor.ts";
import { encodeImages } from "../../../policy/embedded/graphs.ts";
import { imageFeeds } from "../../../policy/embedded/image_feeds.ts";
import { LocalPolicy } from "../../../policy/embedded/local_policy.ts";
import { gradientOutputs } from "../../../policy/embedded/update_graph.ts";
import { type JsonFields, parseModelJson } from "../../../policy/model_files.ts";
import { paddedCells } from "../../../policy/models/qwen_vl_grid.ts";
import { Qwen25Vl } from "../../../policy/models/qwen2_5_vl.ts";
import { parseQwen25VlConfig } from "../../../policy/models/qwen2_5_vl_config.ts";
import { Qwen3Vl } from "../../../policy/models/qwen3_vl.ts";
import { parseQwen3VlConfig } from "../../../policy/models/qwen3_vl_config.ts";
import type { ImageBucket, PreparedImage } from "../../../policy/models/vision_language_model.ts";
import { readReference, referencePath } from "../../reference_dir.ts";
import { relativeError, tinyOptions } from "../tiny.ts";

const picture = (width: number, height: number, k: number) =>
  imageOf(
    width,
    height,
    Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * (k + 3) + (i % 7) * 31 * k) % 256),
  );

test("less than a fifth of a padded grid is padding, and few sizes are left", () => {
  const sizes = new Set<number>();
  for (let cells = 1; cells <= 4096; cells++) {
    const padded = paddedCells(cells);
    expect(padded).toBeGreaterThanOrEqual(cells);
    expect((padded - cells) / padded).toBeLessThan(0.2);
    expect(paddedCells(padded)).toBe(padded);
    sizes.add(padded);
  }
  expect(sizes.size).toBe(44);
});

describe.each(["qwen2_5_vl-tiny", "qwen3_vl-tiny"])("%s", (name) => {
  const open = (): Promise<LocalPolicy> => LocalPolicy.open(referencePath(name), tinyOptions);

  /** Rows of an image in a graph of the given bucket, and the gradient of their weighted sum. */
  async function encodeIn(policy: LocalPolicy, image: PreparedImage, bucket: ImageBucket) {
    const { model, tensors, learner } = policy;
    const count = model.rows(image.shape);
    const own = integers(Array.from({ length: count }, (_, i) => i));
    const rows = gather(encodeImages(model, tensors, bucket), own, { unique: true });
    const loss = reduceSum(mul(rows, input("weights", rows.shape)), { axes: [0, 1], keepDims: false });
    const names = model.parameters.filter(({ group }) => group !== "text").map((each) => each.name);
    const outputs = { rows, ...gradientOutputs(loss, tensors, names) };
    await using session = await Session.compile(outputs, { threads: 1 });
    const weights = Float32Array.from({ length: count * model.imageWidth }, (_, i) => Math.sin(i));
    return await session.run({ ...learner.views, ...imageFeeds(model, [image], bucket), weights });
  }

  test("rows and gradients are those of a graph without padding", async () => {
    await using policy = await open();
    for (const [k, [width, height]] of (
      [
        [150, 60],
        [140, 110],
        [60, 160],
      ] as const
    ).entries()) {
      const image = policy.encoder.prepare(picture(width, height, k));
      const bucket = policy.model.bucket(image.shape);
      const rows = policy.model.rows(image.shape);
      const patches = image.shape.height * image.shape.width;
      const exact = await encodeIn(policy, image, { ...bucket, rows, patches });
      const larger = { tiles: 2, rows: 2 * rows, patches: 2 * patches, windows: 2 * bucket.windows };
      for (const padded of [bucket, larger]) {
        const found = await encodeIn(policy, image, padded);
        for (const [key, value] of Object.entries(exact))
          expect(relativeError(found[key] as Float32Array, value), key).toBeLessThan(
            key === "rows" ? 1e-6 : 1e-5,
          );
      }
    }
  });

  test("an image has the same bits whatever was encoded before it", async () => {
    const encode = async (policy: LocalPolicy, images: readonly ReturnType<typeof picture>[]) => {
      const prepared = images.map((image) => policy.encoder.prepare(image));
      const rows = await policy.encoder.encode(prepared, policy.learner.views, "0", async () => {});
      return prepared.map(({ id }) => rows.get(id));
    };
    const images = [
      [150, 60],
      [60, 150],
      [140, 110],
      [110, 140],
    ].map(([width = 0, height = 0], k) => picture(width, height, k));
    await using together = await open();
    const all = await encode(together, images);
    for (const [i, image] of images.entries()) {
      await using alone = await open();
      expect((await encode(alone, [image]))[0]).toEqual(all[i]);
    }
  });
});

/** Models with the published patches and windows. */
const published = [
  new Qwen25Vl(
    parseQwen25VlConfig(
      jsonOf("qwen2_5_vl-tiny", (config) => ({ ...config.vision_config, window_size: 112 })),
    ),
  ),
  new Qwen3Vl(
    parseQwen3VlConfig(jsonOf("qwen3_vl-tiny", (config) => ({ ...config.vision_config, patch_size: 16 }))),
  ),
];

function jsonOf(name: string, vision: (config: { vision_config: object }) => object): JsonFields {
  const config = readReference(`${name}/config.json`);
  return parseModelJson("config.json", JSON.stringify({ ...config, vision_config: vision(config) }));
}

test.each(published)("a thousand shapes need a few dozen graphs of the vision tower", (model) => {
  const { patchSize } = model.config.vision;
  const bounds = { patch_size: patchSize, min_pixels: 56 * 56, max_pixels: 1280 * (2 * patchSize) ** 2 };
  const wide = { ...model.config, text: { ...model.config.text, maxPositions: 32768 } };
  const patching = parsePatching(parseModelJson("preprocessor_config.json", JSON.stringify(bounds)), wide);
  const stream = new RandomStream(0);
  const [grids, buckets] = [new Set<string>(), new Set<string>()];
  let [own, padded] = [0, 0];
  for (let i = 0; i < 1000; i++) {
    const width = Math.round(64 * 64 ** stream.uniform());
    const height = Math.round(width * stream.between(0.5, 2));
    const image = { tiles: 1, ...patchGrid({ width, height }, patching) };
    const bucket = model.bucket(image);
    grids.add(JSON.stringify(image));
    buckets.add(JSON.stringify(bucket));
    own += image.height * image.width;
    padded += bucket.patches;
    expect(1 - (image.height * image.width) / bucket.patches).toBeLessThan(0.2);
  }
  expect(grids.size).toBeGreaterThan(300);
  expect(buckets.size).toBeLessThan(40);
  expect(1 - own / padded).toBeLessThan(0.1);
});
