import { describe, expect, test } from "vitest";
import { smartResize } from "../../images/scaling.ts";
import { conversationTokens } from "../../policy/chat/conversation.ts";
import { patchImage, QwenVlProcessor, readPatching } from "../../policy/chat/qwen_vl_processor.ts";
import { Tokenizer } from "../../policy/chat/tokenizer.ts";
import { type JsonFields, readModelJson } from "../../policy/model_files.ts";
import { Qwen25Vl } from "../../policy/models/qwen2_5_vl.ts";
import { parseQwen25VlConfig } from "../../policy/models/qwen2_5_vl_config.ts";
import { Qwen3Vl } from "../../policy/models/qwen3_vl.ts";
import { parseQwen3VlConfig } from "../../policy/models/qwen3_vl_config.ts";
import { readReference, readReferenceImage, readReferenceTensors, referencePath } from "../reference_dir.ts";
import { expectClose } from "./closeness.ts";
import { type ReferenceMessage, turnsOf } from "./conversation.ts";

interface Case {
  readonly messages: readonly ReferenceMessage[];
  readonly image_grid_thw: readonly (readonly [number, number, number])[];
}

const readers = {
  "qwen2_5_vl-tiny": async (json: JsonFields) => new Qwen25Vl(parseQwen25VlConfig(json)),
  "qwen3_vl-tiny": async (json: JsonFields) => new Qwen3Vl(parseQwen3VlConfig(json)),
};

describe.each(Object.entries(readers))("%s", async (folder, read) => {
  const path = referencePath(folder);
  const model = await read(await readModelJson(`${path}/config.json`));
  const tokenizer = await Tokenizer.load(path);
  const processor = new QwenVlProcessor(model.config, tokenizer, await readPatching(path, model.config));

  const cases = Object.entries(readReference<Record<string, Case>>(`${folder}/cases.json`)).filter(
    ([, { messages }]) => messages,
  );

  test.each(cases)("%s: patches", async (name, { image_grid_thw: grids }) => {
    const expected = (await readReferenceTensors(`${folder}/${name}.safetensors`)).get("pixel_values");
    const patches: number[] = [];
    for (const [i, [, height, width]] of grids.entries()) {
      const made = patchImage(
        await readReferenceImage(`${folder}/${name}.image${i}.png`),
        processor.patching,
      );
      expect([made.height, made.width]).toEqual([height, width]);
      patches.push(...made.patches);
    }
    expectClose(Float32Array.from(patches), expected?.data as Float32Array, 1e-6);
  });

  test.each(cases)("%s: prompt", async (name, { messages, image_grid_thw: grids }) => {
    const expected = (await readReferenceTensors(`${folder}/${name}.safetensors`)).get("prompt_input_ids");
    const images = await Promise.all(
      grids.map((_, i) => readReferenceImage(`${folder}/${name}.image${i}.png`)),
    );
    const tools = { tokenizer, processor, model, prepare: processor.prepare.bind(processor) };
    const { ids } = conversationTokens({ turns: turnsOf(messages, images) }, tools);
    expect([...ids]).toEqual(Array.from(expected?.data as BigInt64Array, Number));
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
