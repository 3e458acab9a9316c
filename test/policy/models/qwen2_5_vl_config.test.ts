import { describe, expect, test } from "vitest";
import { parseQwen25VlConfig } from "../../../policy/models/qwen2_5_vl_config.ts";
import { readReference } from "../../reference_dir.ts";
import { decoderSizes, readerOf, towerSizes } from "./reading.ts";

const model = "qwen2_5_vl-tiny";
const reference = readReference(`${model}/config.json`);
const hub = readReference(`${model}/config.hub_style.json`);
const parse = readerOf(parseQwen25VlConfig);

describe("what is read", () => {
  test("the layout of transformers 5", () => {
    const { text_config: text, vision_config: vision } = reference;
    expect(parse(reference, readReference(`${model}/generation_config.json`))).toEqual({
      modelType: "qwen2_5_vl",
      text: {
        ...decoderSizes(text),
        headDim: text.hidden_size / text.num_attention_heads,
        ropeTheta: text.rope_parameters.rope_theta,
        tieEmbeddings: reference.tie_word_embeddings,
      },
      ropeAxes: [0, 0, 1, 1, 1, 2, 2, 2],
      vision: {
        ...towerSizes(vision),
        windowSize: vision.window_size / (vision.patch_size * vision.spatial_merge_size),
        fullAttentionLayers: vision.fullatt_block_indexes,
      },
      imageTokenId: reference.image_token_id,
      padTokenId: 330,
      eosTokenIds: [330, 328],
    });
  });

  test("the flat layout of published checkpoints is the same model", () => {
    expect(parse(hub)).toEqual(parse(reference));
  });

  test("rotary positions in the old style of a nested layout", () => {
    const { rope_parameters: rope, ...text } = reference.text_config;
    const old = {
      ...text,
      rope_theta: rope.rope_theta,
      rope_scaling: { type: "default", rope_type: "default", mrope_section: rope.mrope_section },
    };
    expect(parse({ ...reference, text_config: old })).toEqual(parse(reference));
  });

  test("Qwen2.5-VL-3B, whose published file leaves much to the class", () => {
    const published = {
      model_type: "qwen2_5_vl",
      eos_token_id: 151645,
      image_token_id: 151655,
      hidden_act: "silu",
      hidden_size: 2048,
      intermediate_size: 11008,
      max_position_embeddings: 128000,
      num_attention_heads: 16,
      num_hidden_layers: 36,
      num_key_value_heads: 2,
      rms_norm_eps: 1e-6,
      rope_theta: 1000000.0,
      sliding_window: 32768,
      tie_word_embeddings: true,
      use_sliding_window: false,
      vision_config: {
        depth: 32,
        hidden_act: "silu",
        hidden_size: 1280,
        intermediate_size: 3420,
        num_heads: 16,
        in_chans: 3,
        out_hidden_size: 2048,
        patch_size: 14,
        spatial_merge_size: 2,
        spatial_patch_size: 14,
        window_size: 112,
        fullatt_block_indexes: [7, 15, 23, 31],
        tokens_per_second: 2,
        temporal_patch_size: 2,
      },
      rope_scaling: { type: "mrope", mrope_section: [16, 24, 24] },
      vocab_size: 151936,
    };
    expect(parse(published)).toMatchObject({
      text: { headDim: 128, layers: 36, kvHeads: 2, vocabSize: 151936, tieEmbeddings: true },
      ropeAxes: { length: 64, 15: 0, 16: 1, 39: 1, 40: 2, 63: 2 },
      vision: { layers: 32, windowSize: 4, mergeSize: 2, fullAttentionLayers: [7, 15, 23, 31] },
      imageTokenId: 151655,
      eosTokenIds: [151645],
    });
    const { temporal_patch_size, window_size, fullatt_block_indexes, ...vision } = published.vision_config;
    expect(parse({ ...published, vision_config: vision })).toEqual(parse(published));
  });
});

test("Qwen2-VL-2B, whose vision tower has no windows and names its sizes otherwise", () => {
  const published = {
    model_type: "qwen2_vl",
    eos_token_id: 151645,
    hidden_act: "silu",
    hidden_size: 1536,
    image_token_id: 151655,
    intermediate_size: 8960,
    max_position_embeddings: 32768,
    num_attention_heads: 12,
    num_hidden_layers: 28,
    num_key_value_heads: 2,
    rms_norm_eps: 1e-6,
    rope_theta: 1000000.0,
    tie_word_embeddings: true,
    use_sliding_window: false,
    vision_config: {
      depth: 32,
      embed_dim: 1280,
      mlp_ratio: 4,
      num_heads: 16,
      in_chans: 3,
      hidden_size: 1536,
      patch_size: 14,
      spatial_merge_size: 2,
      spatial_patch_size: 14,
      temporal_patch_size: 2,
    },
    rope_scaling: { type: "mrope", mrope_section: [16, 24, 24] },
    vocab_size: 151936,
  };
  expect(parse(published)).toMatchObject({
    modelType: "qwen2_vl",
    text: { hiddenSize: 1536, headDim: 128, tieEmbeddings: true },
    vision: { hiddenSize: 1280, intermediateSize: 5120, windowSize: Number.POSITIVE_INFINITY },
  });
  const wider = { ...published.vision_config, hidden_size: 1280 };
  expect(() => parse({ ...published, vision_config: wider })).toThrow(
    /vision_config\.hidden_size is 1280; expected 1536/,
  );
});

describe("what is refused", () => {
  const text = (change: object) => ({ ...reference, text_config: { ...reference.text_config, ...change } });
  const vision = (change: object) => ({
    ...reference,
    vision_config: { ...reference.vision_config, ...change },
  });
  const sections = (mrope_section: unknown) => text({ rope_parameters: { mrope_section } });
  const cases: Record<string, [unknown, RegExp]> = {
    "another model": [{ ...reference, model_type: "qwen3_vl" }, /model_type is "qwen3_vl"; expected/],
    "another text model": [text({ model_type: "llama" }), /text_config\.model_type is "llama"/],
    "no vision model": [{ ...hub, vision_config: null }, /vision_config is missing; expected an object/],
    "sliding windows of text": [
      text({ use_sliding_window: true }),
      /text_config\.use_sliding_window is true; expected false/,
    ],
    "scaled rotary positions": [
      text({ rope_parameters: { rope_type: "yarn", mrope_section: [2, 3, 3] } }),
      /rope_parameters\.rope_type is "yarn"; expected "default" or "mrope"/,
    ],
    "no sections": [sections(undefined), /rope_parameters\.mrope_section is missing/],
    "sections of another head": [sections([2, 3, 4]), /mrope_section is \[2,3,4\]; expected three numbers/],
    "too few sections": [sections([4, 4]), /mrope_section is \[4,4\]; expected three numbers/],
    "sections that are no numbers": [sections(["2", 3, 3]), /mrope_section is .*; expected a list of whole/],
    "an absurd size": [text({ hidden_size: 1e9 }), /text_config\.hidden_size is 1000000000/],
    "an absurd number of layers": [vision({ depth: 1e6 }), /vision_config\.depth is 1000000/],
    "no layers": [vision({ depth: 0 }), /vision_config\.depth is 0/],
    "an odd head": [vision({ num_heads: 16 }), /vision_config\.num_heads is 16; expected .*multiple of 4/],
    "another activation": [vision({ hidden_act: "quick_gelu" }), /vision_config\.hidden_act is "quick_gelu"/],
    "grey images": [vision({ in_channels: 1 }), /vision_config\.in_channels is 1; expected 3/],
    "a merger of another text model": [
      vision({ out_hidden_size: 65 }),
      /vision_config\.out_hidden_size is 65; expected 64/,
    ],
    "windows that cut cells": [vision({ window_size: 57 }), /window_size is 57; expected a multiple of 28/],
    "an absurd patch": [vision({ patch_size: 1e5 }), /vision_config\.patch_size is 100000/],
    "bad layers of full attention": [
      vision({ fullatt_block_indexes: [-1] }),
      /fullatt_block_indexes is \[-1\]; expected a list of whole numbers/,
    ],
    "an image token beyond the vocabulary": [{ ...hub, image_token_id: 366 }, /image_token_id is 366/],
  };
  test.each(Object.entries(cases))("%s", (_, [config, message]) => {
    expect(() => parse(config)).toThrow(
      expect.objectContaining({ code: "model", message: expect.stringMatching(message) }),
    );
  });
});
