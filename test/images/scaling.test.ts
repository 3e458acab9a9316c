import { describe, expect, test } from "vitest";
import { imageOf, type RgbImage } from "../../images/image.ts";
import { resample } from "../../images/resample.ts";
import { type ImageScaling, shrinkTarget } from "../../images/scaling.ts";
import { Idefics3Processor, parseTiling } from "../../policy/chat/idefics3_processor.ts";
import { parsePatching, QwenVlProcessor } from "../../policy/chat/qwen_vl_processor.ts";
import { Tokenizer } from "../../policy/chat/tokenizer.ts";
import { parseModelJson, readModelJson } from "../../policy/model_files.ts";
import { readIdefics3Config } from "../../policy/models/idefics3_config.ts";
import { parseQwen25VlConfig } from "../../policy/models/qwen2_5_vl_config.ts";
import type { ImageProcessor } from "../../policy/models/vision_language_model.ts";
import { readReference, referencePath } from "../reference_dir.ts";

const idefics = await readIdefics3Config(referencePath("smolvlm-tiny"));
const idefics3Tokenizer = await Tokenizer.load(referencePath("smolvlm-tiny"));
const qwen = parseQwen25VlConfig(await readModelJson(referencePath("qwen2_5_vl-tiny/config.json")));
const qwenTokenizer = await Tokenizer.load(referencePath("qwen2_5_vl-tiny"));
const side = idefics.vision.imageSize;

function settings(model: string, change: object) {
  const published = readReference(`${model}/preprocessor_config.json`);
  return parseModelJson("preprocessor_config.json", JSON.stringify({ ...published, ...change }));
}

function idefics3(change: object): ImageProcessor {
  const tiling = parseTiling(settings("smolvlm-tiny", change), idefics);
  return new Idefics3Processor(idefics, idefics3Tokenizer, tiling);
}

const processors: [string, ImageProcessor][] = [
  ["one tile", idefics3({})],
  ["tiles", idefics3({ size: { longest_edge: 2 * side }, do_image_splitting: true })],
  ["one tile of a scaled picture", idefics3({ size: { longest_edge: 100 }, do_image_splitting: false })],
  ["patches", new QwenVlProcessor(qwen, qwenTokenizer, parsePatching(settings("qwen2_5_vl-tiny", {}), qwen))],
];

const sizes: [width: number, height: number][] = [
  ...[...Array(8).keys()].map((i): [number, number] => [150 + 57 * i, 420 - 41 * i]),
  [400, 399],
  [640, 480],
  [129, 128],
  [5, 700],
  [700, 5],
  [301, 3],
  [40, 30],
];

function noise(width: number, height: number): RgbImage {
  const pixels = Uint8Array.from(
    { length: width * height * 3 },
    (_, i) => Math.imul(i, 2_654_435_761) >>> 24,
  );
  return imageOf(width, height, pixels);
}

describe("a picture that is scaled down ahead is what the processor would have made of it", () => {
  test.each(processors)("%s", (_, processor) => {
    let shrink = 0;
    for (const [width, height] of sizes) {
      const whole = noise(width, height);
      const target = shrinkTarget(processor.scaling, whole);
      if (!target) continue;
      shrink++;
      const small = resample(whole, target.width, target.height, target.filter);
      expect(small.data.length).toBeLessThan(whole.data.length);
      const [expected, prepared] = [processor.prepare(whole), processor.prepare(small)];
      expect([prepared.shape, prepared.placeholder]).toEqual([expected.shape, expected.placeholder]);
      const [a, b] = [expected, prepared].map(({ patches }) => new Uint8Array(patches.buffer));
      expect(Buffer.compare(a as Uint8Array, b as Uint8Array), `${width}x${height}`).toBe(0);
    }
    expect(shrink).toBeGreaterThan(sizes.length / 2);
  });
});

describe("nothing is scaled down ahead", () => {
  const edge: ImageScaling = { filter: "lanczos", longestEdge: 512 };
  test.each<[string, ImageScaling | null, number, number]>([
    ["where a processor keeps any size", null, 4000, 3000],
    ["that is smaller than what the model sees", edge, 300, 200],
    ["whose size would change a second time", edge, 4000, 2],
    ["that is too narrow", { filter: "bicubic", factor: 28, minPixels: 1, maxPixels: 10_000 }, 8000, 30],
  ])("%s", (_, scaling, width, height) => expect(shrinkTarget(scaling, { width, height })).toBeNull());
});
