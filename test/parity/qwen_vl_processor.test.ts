import { describe, expect, test } from "vitest";
import { smartResize } from "../../images/scaling.ts";
import { patchImage, QwenVlProcessor, readPatching } from "../../policy/chat/qwen_vl_processor.ts";
import { Tokenizer } from "../../policy/chat/tokenizer.ts";
import { readModelJson } from "../../policy/model_files.ts";
import { parseQwen25VlConfig } from "../../policy/models/qwen2_5_vl_config.ts";
import { parseQwen3VlConfig } from "../../policy/models/qwen3_vl_config.ts";
import { readReference, readReferenceImage, readReferenceTensors, referencePath } from "../reference_dir.ts";
import { expectClose } from "./closeness.ts";

interface Case {
  readonly messages: readonly { content: readonly { type: string; text?: string }[] }[];
  readonly image_grid_thw: readonly (readonly [number, number, number])[];
}

const parsers = { "qwen2_5_vl-tiny": parseQwen25VlConfig, "qwen3_vl-tiny": parseQwen3VlConfig };

describe.each(Object.entries(parsers))("%s", async (model, parse) => {
  const folder = referencePath(model);
  const config = parse(await readModelJson(`${folder}/config.json`));
  const tokenizer = await Tokenizer.load(folder);
  const processor = new QwenVlProcessor(config, tokenizer, await readPatching(folder, config));

  const cases = Object.entries(readReference<Record<string, Case>>(`${model}/cases.json`)).filter(
    ([, { messages }]) => messages,
  );

  test.each(cases)("%s: patches", async (name, { image_grid_thw: grids }) => {
    const expected = (await readReferenceTensors(`${model}/${name}.safetensors`)).get("pixel_values");
    const patches: number[] = [];
    for (const [i, [, height, width]] of grids.entries()) {
      const made = patchImage(await readReferenceImage(`${model}/${name}.image${i}.png`), processor.patching);
      expect([made.height, made.width]).toEqual([height, width]);
      patches.push(...made.patches);
    }
    expectClose(Float32Array.from(patches), expected?.data as Float32Array, 1e-6);
  });

  const single = cases.filter(([, { image_grid_thw }]) => image_grid_thw.length === 1);

  test.each(single)("%s: prompt", async (name, { messages }) => {
    const expected = (await readReferenceTensors(`${model}/${name}.safetensors`)).get("prompt_input_ids");
    const text = messages[0]?.content.find(({ type }) => type === "text")?.text as string;
    const image = processor.prepare(await readReferenceImage(`${model}/${name}.image0.png`));
    expect([...processor.prompt(text, image)]).toEqual(Array.from(expected?.data as BigInt64Array, Number));
  });
});

interface Resizing {
  readonly height: number;
  readonly width: number;
  readonly min_pixels: number;
  readonly max_pixels: number;
  readonly factor: number;
  readonly result_hw?: readonly [number, number];
  readonly error?: string;
}

describe("smart resize", () => {
  const all = readReference<Resizing[]>("resample/smart_resize.json");

  test.each(all)("$width x $height, $min_pixels to $max_pixels pixels", (reference) => {
    const { factor, min_pixels: minPixels, max_pixels: maxPixels, result_hw, error } = reference;
    const size = smartResize(reference, factor, { minPixels, maxPixels });
    expect(size && [size.height, size.width]).toEqual(result_hw);
    expect(size === undefined).toBe(error !== undefined);
  });
});
