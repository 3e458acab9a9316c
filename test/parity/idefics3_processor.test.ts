import { describe, expect, test } from "vitest";
import {
  Idefics3Processor,
  parseTiling,
  type Tiling,
  tileImage,
} from "../../policy/chat/idefics3_processor.ts";
import { Tokenizer } from "../../policy/chat/tokenizer.ts";
import { parseModelJson, readModelJson } from "../../policy/model_files.ts";
import { readIdefics3Config } from "../../policy/models/idefics3_config.ts";
import { SmolVlm } from "../../policy/models/smolvlm.ts";
import { questionIds } from "../fakes/prompts.ts";
import { readReference, readReferenceImage, readReferenceTensors, referencePath } from "../reference_dir.ts";

const model = "smolvlm-tiny";
const config = await readIdefics3Config(referencePath(model));
const tokenizer = await Tokenizer.load(referencePath(model));

function expectPixels(actual: Float32Array, expected: unknown): void {
  expect(expected).toBeInstanceOf(Float32Array);
  const wanted = expected as Float32Array;
  expect(actual.length).toBe(wanted.length);
  let worst = 0;
  for (let i = 0; i < wanted.length; i++) {
    worst = Math.max(worst, Math.abs((actual[i] as number) - (wanted[i] as number)));
  }
  expect(worst).toBeLessThanOrEqual(1e-6);
}

interface Case {
  readonly messages: readonly { content: readonly { type: string; text?: string }[] }[];
  readonly image_splitting_2x2: boolean;
  readonly rows: readonly [readonly [number]];
  readonly cols: readonly [readonly [number]];
}

describe("the processor of smolvlm-tiny", () => {
  const cases = Object.entries(readReference<Record<string, Case>>(`${model}/cases.json`));

  test.each(cases.filter(([, { messages }]) => messages))("%s", async (name, reference) => {
    const file = reference.image_splitting_2x2
      ? "preprocessor_config.split.json"
      : "preprocessor_config.json";
    const tiling = parseTiling(await readModelJson(referencePath(`${model}/${file}`)), config);
    const processor = new Idefics3Processor(config, tokenizer, tiling);
    const expected = await readReferenceTensors(`${model}/${name}.safetensors`);

    const image = await readReferenceImage(`${model}/${name}.png`);
    const tiles = tileImage(image, processor.tiling);
    expect([tiles.rows, tiles.cols]).toEqual([reference.rows[0][0], reference.cols[0][0]]);
    const pixels = expected.get("pixel_values");
    expect([1, tiles.tiles, 3, tiling.tileSize, tiling.tileSize]).toEqual(pixels?.shape);
    expectPixels(tiles.pixels, pixels?.data);

    const text = reference.messages[0]?.content.find(({ type }) => type === "text")?.text as string;
    const ids = Array.from(expected.get("prompt_input_ids")?.data as BigInt64Array, Number);
    expect([...questionIds(tokenizer, processor, new SmolVlm(config))(text, image)]).toEqual(ids);
  });
});

describe("tiles", async () => {
  const cases = readReference<
    {
      key: string;
      image: string;
      tile: number;
      rows: number;
      cols: number;
      tiles: number;
      longest: number;
      split: boolean;
    }[]
  >("resample/idefics3_tiles.json");
  const expected = await readReferenceTensors("resample/idefics3_tiles.safetensors");

  function tilingOf({ tile, longest, split }: { tile: number; longest: number; split: boolean }): Tiling {
    const preprocessor = {
      size: { longest_edge: longest },
      max_image_size: { longest_edge: tile },
      do_image_splitting: split,
    };
    const vision = { ...config.vision, imageSize: tile };
    return parseTiling(parseModelJson("preprocessor_config.json", JSON.stringify(preprocessor)), {
      ...config,
      vision,
    });
  }

  test.each(cases)("$key", async (reference) => {
    const image = await readReferenceImage(`resample/tiles_${reference.image}.png`);
    const { pixels, tiles, rows, cols } = tileImage(image, tilingOf(reference));
    expect({ tiles, rows, cols }).toEqual({
      tiles: reference.tiles,
      rows: reference.rows,
      cols: reference.cols,
    });
    expectPixels(pixels, expected.get(`${reference.key}.pixel_values`)?.data);
  });
});
