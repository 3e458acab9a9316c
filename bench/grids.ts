/**
 * `npm run bench:grids`: sampling about a folder of pictures of many shapes, by a tiny Qwen2.5-VL that pads their grids to
 * a few sizes, beside the same model with graphs for each grid.
 */

import { join } from "node:path";
import { program } from "commander";
import { RandomStream } from "../common/random.ts";
import { imageOf, type RgbImage } from "../images/image.ts";
import { LocalPolicy } from "../policy/embedded/local_policy.ts";
import type { ImageBucket, ImageShape, VisionLanguageModel } from "../policy/models/vision_language_model.ts";
import { promptAbout } from "../policy/prompts.ts";
import { figuresTable } from "./figures.ts";
import { time } from "./measure.ts";
import { packageRoot } from "./models.ts";
import { policyOptions } from "./prompts.ts";

const { pictures, threads } = program
  .name("npm run bench:grids --")
  .description("count and time the graphs that pictures of many shapes need")
  .option("--pictures <n>", "pictures, each of a shape of its own", Number, 200)
  .option("--threads <n>", "CPU threads", Number, 2)
  .parse()
  .opts<{ pictures: number; threads: number }>();

const folder = join(packageRoot, "test/reference/qwen2_5_vl-tiny");
const resolution = { maxPixels: 256 * 28 ** 2, splitting: null };
const sampling = { groupSize: 4, temperature: 1, topK: 0, topP: 1, maxTokens: 8, seed: 0 };
/** Pictures that are asked about together. */
const together = 8;

/** What is compiled, and how long it takes, to answer a question about each picture. */
async function sample(images: readonly RgbImage[], graphsFor: "bucket" | "grid") {
  await using policy = await LocalPolicy.open(folder, { ...policyOptions(threads), resolution });
  if (graphsFor === "grid") policy.model.bucket = exactBuckets(policy.model);
  const compiled: string[] = [];
  const { sessions } = policy;
  const get = sessions.get.bind(sessions);
  sessions.get = (kind, shape, build) =>
    get(kind, shape, () => {
      compiled.push(kind);
      return build();
    });
  const { seconds } = await time(async () => {
    for (let i = 0; i < images.length; i += together)
      await policy.sample(
        images.slice(i, i + together).map((image) => promptAbout(image, "What is it?")),
        sampling,
      );
  });
  const shapes = images.map((image) => policy.encoder.prepare(image).shape);
  const own = shapes.reduce((sum, { height, width }) => sum + height * width, 0);
  const padded = shapes.reduce((sum, shape) => sum + policy.model.bucket(shape).patches, 0);
  return {
    grids: new Set(shapes.map((shape) => JSON.stringify(shape))).size,
    tower: compiled.filter((kind) => kind === "vision").length,
    all: compiled.length,
    seconds,
    padding: 1 - own / padded,
  };
}

/** Sizes without padding, which other grids of as many patches don't share. */
function exactBuckets(model: VisionLanguageModel): (image: ImageShape) => ImageBucket & { grid: ImageShape } {
  const bucket = model.bucket.bind(model);
  return (image) => {
    const { height, width } = image;
    return { ...bucket(image), patches: height * width, rows: model.rows(image), grid: image };
  };
}

/** Patterns of 60 to 1,000 pixels a side. */
function patterns(count: number): RgbImage[] {
  const stream = new RandomStream(0);
  return Array.from({ length: count }, () => {
    const width = Math.round(90 * 7 ** stream.uniform());
    const height = Math.round(width * stream.between(0.67, 1.5));
    return imageOf(
      width,
      height,
      Uint8Array.from({ length: 3 * width * height }, (_, i) => (i * 31) % 251),
    );
  });
}

const images = patterns(pictures);
const [each, few] = [await sample(images, "grid"), await sample(images, "bucket")];
const graphs = (value: number) => ({ value, unit: "graphs" });
console.log(
  figuresTable({
    different_grids: { value: few.grids, unit: "grids" },
    tower_graphs: graphs(few.tower),
    tower_graphs_for_each_grid: graphs(each.tower),
    all_graphs: graphs(few.all),
    all_graphs_for_each_grid: graphs(each.all),
    padding_of_patches: { value: 100 * few.padding, unit: "%" },
    speedup: { value: each.seconds / few.seconds, unit: "x" },
  }),
);
