import { describe, expect, test } from "vitest";
import { parseQwen3VlConfig } from "../../../policy/models/qwen3_vl_config.ts";
import { readReference } from "../../reference_dir.ts";
import { decoderSizes, readerOf, towerSizes } from "./reading.ts";

const model = "qwen3_vl-tiny";
const reference = readReference(`${model}/config.json`);
const hub = readReference(`${model}/config.hub_style.json`);
const parse = readerOf(parseQwen3VlConfig);

describe("what is read", () => {
  test("the layout of transformers 5", () => {
    const { text_config: text, vision_config: vision } = reference;
    expect(parse(reference, readReference(`${model}/generation_config.json`))).toEqual({
      modelType: "qwen3_vl",
      text: {
        ...decoderSizes(text),
        ropeTheta: text.rope_parameters.rope_theta,
        tieEmbeddings: true,
      },
      ropeAxes: [0, 1, 2, 0, 1, 2, 0, 0],
      vision: {
        ...towerSizes(vision),
        positionsPerSide: 6,
        deepLayers: vision.deepstack_visual_indexes,
      },
      imageTokenId: reference.image_token_id,
      padTokenId: 330,
      eosTokenIds: [330, 328],
    });
  });

  test("the layout of published checkpoints is the same model", () => {
    expect(parse(hub)).toEqual(parse(reference));
  });

  test("Qwen3-VL-4B-Instruct, whose heads are wider together than its states", () => {
    const published = {
      model_type: "qwen3_vl",
      image_token_id: 151655,
      text_config: {
        attention_bias: false,
        bos_token_id: 151643,
        eos_token_id: 151645,
        head_dim: 128,
        hidden_act: "silu",
        hidden_size: 2560,
        intermediate_size: 9728,
        max_position_embeddings: 262144,
        model_type: "qwen3_vl_text",
        num_attention_heads: 32,
        num_hidden_layers: 36,
        num_key_value_heads: 8,
        rms_norm_eps: 1e-6,
        rope_scaling: { mrope_interleaved: true, mrope_section: [24, 20, 20], rope_type: "default" },
        rope_theta: 5000000,
        tie_word_embeddings: true,
        vocab_size: 151936,
      },
      tie_word_embeddings: true,
      vision_config: {
        deepstack_visual_indexes: [5, 11, 17],
        depth: 24,
        hidden_act: "gelu_pytorch_tanh",
        hidden_size: 1024,
        in_channels: 3,
        intermediate_size: 4096,
        model_type: "qwen3_vl",
        num_heads: 16,
        num_position_embeddings: 2304,
        out_hidden_size: 2560,
        patch_size: 16,
        spatial_merge_size: 2,
        temporal_patch_size: 2,
      },
    };
    const config = parse(published);
    expect(config).toMatchObject({
      text: { headDim: 128, heads: 32, hiddenSize: 2560, ropeTheta: 5_000_000, tieEmbeddings: true },
      vision: { layers: 24, patchSize: 16, positionsPerSide: 48, deepLayers: [5, 11, 17] },
      imageTokenId: 151655,
      eosTokenIds: [151645],
    });
    const turning = [0, 1, 2].map((axis) => config.ropeAxes.filter((each) => each === axis).length);
    expect(turning).toEqual([24, 20, 20]);
    expect(config.ropeAxes.slice(57)).toEqual([0, 1, 2, 0, 0, 0, 0]);

    const { head_dim, rope_scaling, ...text } = published.text_config;
    const silent = { ...text, rope_scaling: { rope_type: "default" } };
    expect(parse({ ...published, text_config: silent })).toEqual(config);
    const { patch_size, num_position_embeddings, in_channels, ...vision } = published.vision_config;
    expect(parse({ ...published, vision_config: vision })).toEqual(config);
  });

  test("a head of its own", () => {
    expect(parse({ ...reference, tie_word_embeddings: false }).text.tieEmbeddings).toBe(false);
  });
});

describe("what is refused", () => {
  const text = (change: object) => ({ ...reference, text_config: { ...reference.text_config, ...change } });
  const vision = (change: object) => ({
    ...reference,
    vision_config: { ...reference.vision_config, ...change },
  });
  const rope = (change: object) =>
    text({ rope_parameters: { ...reference.text_config.rope_parameters, ...change } });
  const cases: Record<string, [unknown, RegExp]> = {
    "another model": [{ ...reference, model_type: "qwen3_vl_moe" }, /model_type is "qwen3_vl_moe"; expected/],
    "another text model": [text({ model_type: "qwen3" }), /text_config\.model_type is "qwen3"/],
    "no text model": [{ ...reference, text_config: null }, /text_config is missing; expected an object/],
    "no vision model": [
      { ...reference, vision_config: null },
      /vision_config is missing; expected an object/,
    ],
    "biases of attention": [text({ attention_bias: true }), /attention_bias is true; expected false/],
    "scaled rotary positions": [rope({ rope_type: "yarn" }), /rope_type is "yarn"; expected "default"/],
    "sections one after the other": [
      rope({ mrope_interleaved: false }),
      /mrope_interleaved is false; expected true/,
    ],
    "too few sections": [rope({ mrope_section: [4, 4] }), /mrope_section is \[4,4\]; expected three numbers/],
    "an odd head": [text({ head_dim: 15 }), /head_dim is 15; expected an even size/],
    "another activation": [vision({ hidden_act: "gelu" }), /vision_config\.hidden_act is "gelu"/],
    "another base of patches' positions": [
      vision({ rope_parameters: { rope_type: "axial", rope_theta: 100 } }),
      /vision_config\.rope_parameters\.rope_theta is 100; expected 10000/,
    ],
    "a merger of another text model": [vision({ out_hidden_size: 41 }), /out_hidden_size is 41; expected 40/],
    "positions that are no square": [
      vision({ num_position_embeddings: 35 }),
      /num_position_embeddings is 35; expected the square of a whole number/,
    ],
    "a layer that the tower lacks": [
      vision({ deepstack_visual_indexes: [0, 4] }),
      /deepstack_visual_indexes is \[0,4\]; expected a list of whole numbers from 0 to 3/,
    ],
    "layers out of order": [
      vision({ deepstack_visual_indexes: [2, 0] }),
      /deepstack_visual_indexes is \[2,0\]; expected layers in ascending order/,
    ],
    "more layers than the text model has": [
      vision({ deepstack_visual_indexes: [0, 1, 2, 3] }),
      /deepstack_visual_indexes is \[0,1,2,3\]; expected no more layers than the text model's 3/,
    ],
  };
  test.each(Object.entries(cases))("%s", (_, [config, message]) => {
    expect(() => parse(config)).toThrow(
      expect.objectContaining({ code: "model", message: expect.stringMatching(message) }),
    );
  });
});
