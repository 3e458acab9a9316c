import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readModelJson } from "../../../policy/model_files.ts";
import { parseIdefics3Config, readIdefics3Config } from "../../../policy/models/idefics3_config.ts";
import { readReference, referencePath } from "../../reference_dir.ts";
import { decoderSizes, readerOf } from "./reading.ts";

const model = "smolvlm-tiny";
const reference = readReference(`${model}/config.json`);
const parse = readerOf(parseIdefics3Config);

describe("the reference", () => {
  test("holds what Python wrote", async () => {
    const { text_config: text, vision_config: vision } = reference;
    expect(await readIdefics3Config(referencePath(model))).toEqual({
      modelType: reference.model_type,
      text: {
        ...decoderSizes(text),
        ropeTheta: text.rope_parameters.rope_theta,
        tieEmbeddings: reference.tie_word_embeddings,
      },
      vision: {
        hiddenSize: vision.hidden_size,
        intermediateSize: vision.intermediate_size,
        layers: vision.num_hidden_layers,
        heads: vision.num_attention_heads,
        imageSize: vision.image_size,
        patchSize: vision.patch_size,
        layerNormEps: vision.layer_norm_eps,
      },
      scaleFactor: reference.scale_factor,
      tileTokens: readReference(`${model}/processor_config.json`).image_seq_len,
      imageTokenId: reference.image_token_id,
      padTokenId: reference.pad_token_id,
      eosTokenIds: [readReference(`${model}/generation_config.json`).eos_token_id],
    });
  });

  test.each(["config.hub_style.json", "config.smolvlm2_style.json"])("%s is the same model", async (name) => {
    const { modelType, ...styled } = parseIdefics3Config(
      await readModelJson(referencePath(`${model}/${name}`)),
    );
    expect({ ...styled, modelType: reference.model_type }).toEqual(
      await readIdefics3Config(referencePath(model)),
    );
    expect(modelType).toBe(readReference(`${model}/${name}`).model_type);
  });
});

describe("defaults of the Python classes", () => {
  const bare = {
    model_type: "smolvlm",
    image_token_id: 9,
    text_config: {},
    vision_config: { image_size: 512, patch_size: 16 },
  };

  test("stand in for absent and null keys", () => {
    const llama = {
      hiddenSize: 4096,
      intermediateSize: 11008,
      layers: 32,
      heads: 32,
      kvHeads: 32,
      headDim: 128,
      vocabSize: 32000,
      rmsNormEps: 1e-6,
      ropeTheta: 10_000,
      maxPositions: 2048,
      tieEmbeddings: false,
    };
    const siglip = { hiddenSize: 1152, intermediateSize: 3072, layers: 12, heads: 16, layerNormEps: 1e-6 };
    expect(parse(bare)).toEqual({
      modelType: "smolvlm",
      text: llama,
      vision: { ...siglip, imageSize: 512, patchSize: 16 },
      scaleFactor: 2,
      tileTokens: 256,
      imageTokenId: 9,
      padTokenId: 2,
      eosTokenIds: [2],
    });
    const nulls = { head_dim: null, num_key_value_heads: null, rope_scaling: null, pad_token_id: null };
    expect(parse({ ...bare, text_config: nulls }).text).toEqual(llama);
  });

  test("a rotary base at the top level beside rope_parameters without one", () => {
    const text_config = { rope_theta: 5e5, rope_parameters: { rope_type: "default" } };
    expect(parse({ ...bare, text_config }).text.ropeTheta).toBe(5e5);
  });

  test("stop tokens come from generation_config.json first, then from the top, then from the text model", () => {
    const text_config = { eos_token_id: 3, pad_token_id: 4 };
    expect(parse({ ...bare, text_config })).toMatchObject({ eosTokenIds: [3], padTokenId: 4 });
    expect(parse({ ...bare, text_config, eos_token_id: 5 }).eosTokenIds).toEqual([5]);
    expect(parse({ ...bare, text_config, eos_token_id: 5 }, { eos_token_id: [6, 7] }).eosTokenIds).toEqual([
      6, 7,
    ]);
    expect(parse({ ...bare, text_config, eos_token_id: 5 }, {}).eosTokenIds).toEqual([5]);
  });
});

test("a token of padding that no embedding has gives way to one that ends a completion", () => {
  const { text_config } = reference;
  const padded = (top: unknown, text?: unknown) =>
    parse({
      ...reference,
      pad_token_id: top,
      text_config: { ...text_config, pad_token_id: text },
      eos_token_id: 7,
    });
  expect(padded(128_002).padTokenId).toBe(7);
  expect(padded(-1).padTokenId).toBe(7);
  expect(padded(128_002, 5).padTokenId).toBe(5);
  expect(padded(4, 5).padTokenId).toBe(4);
  expect(() => padded("4")).toThrow(/pad_token_id is "4"; expected a whole number/);
});

describe("what is refused", () => {
  const { text_config, vision_config } = reference;
  const text = (change: object) => ({ ...reference, text_config: { ...text_config, ...change } });
  const vision = (change: object) => ({ ...reference, vision_config: { ...vision_config, ...change } });
  const cases: Record<string, [unknown, RegExp]> = {
    "another model": [
      { ...reference, model_type: "qwen2_5_vl" },
      /model_type is "qwen2_5_vl"; expected "idefics3" or "smolvlm"/,
    ],
    "no model type": [
      { ...reference, model_type: undefined },
      /model_type is missing; expected "idefics3" or "smolvlm"/,
    ],
    "no text model": [{ ...reference, text_config: undefined }, /text_config is missing; expected an object/],
    "no vision model": [{ ...reference, vision_config: [] }, /vision_config is \[\]; expected an object/],
    "another text model": [text({ model_type: "mistral" }), /text_config\.model_type is "mistral"/],
    "another activation": [
      text({ hidden_act: "gelu" }),
      /text_config\.hidden_act is "gelu"; expected "silu"/,
    ],
    "another vision activation": [
      vision({ hidden_act: "gelu" }),
      /vision_config\.hidden_act is "gelu"; expected "gelu_pytorch_tanh"/,
    ],
    biases: [text({ attention_bias: true }), /text_config\.attention_bias is true; expected false/],
    "scaled rotary positions": [
      text({ rope_parameters: { rope_type: "yarn" } }),
      /rope_parameters\.rope_type is "yarn"/,
    ],
    "scaled rotary positions, old style": [
      text({ rope_parameters: null, rope_scaling: { type: "linear", factor: 2 } }),
      /rope_scaling\.type is "linear"/,
    ],
    "a negative size": [
      text({ hidden_size: -64 }),
      /text_config\.hidden_size is -64; expected a whole number from 1 to 1048576/,
    ],
    "a fractional size": [
      text({ num_hidden_layers: 2.5 }),
      /num_hidden_layers is 2\.5; expected a whole number/,
    ],
    "an absurd size": [text({ vocab_size: 1e12 }), /vocab_size is 1000000000000; expected a whole number/],
    "a size as text": [text({ hidden_size: "64" }), /hidden_size is "64"/],
    "an absurd epsilon": [text({ rms_norm_eps: -1 }), /rms_norm_eps is -1; expected a number from 0 to 1/],
    "heads that don't divide": [
      text({ num_key_value_heads: text_config.num_attention_heads + 1 }),
      /num_key_value_heads/,
    ],
    "heads that don't divide the hidden size": [
      text({ num_attention_heads: text_config.hidden_size + 1 }),
      /num_(attention|key_value)_heads/,
    ],
    "vision heads that don't divide": [
      vision({ num_attention_heads: vision_config.hidden_size + 1 }),
      /vision_config\.num_attention_heads/,
    ],
    "an odd head": [text({ head_dim: 7 }), /head_dim is 7; expected an even size/],
    "patches that don't divide": [
      vision({ patch_size: vision_config.image_size + 1 }),
      /patch_size is \d+; expected a divisor of image_size/,
    ],
    "a scale that doesn't divide": [
      { ...reference, scale_factor: 1000 },
      /scale_factor is 1000; expected a divisor of/,
    ],
    "grey images": [vision({ num_channels: 1 }), /num_channels is 1; expected 3/],
    "an image token beyond the vocabulary": [
      { ...reference, image_token_id: text_config.vocab_size },
      /image_token_id is/,
    ],
    "no image token": [{ ...reference, image_token_id: undefined }, /image_token_id is missing/],
    "bad stop tokens": [
      { ...reference, eos_token_id: [1, -1] },
      /eos_token_id is \[1,-1\]; expected ids from 0/,
    ],
    "no stop tokens": [{ ...reference, eos_token_id: [] }, /eos_token_id is \[\]/],
  };
  test.each(Object.entries(cases))("%s", (_, [config, message]) => {
    expect(() => parse(config)).toThrow(
      expect.objectContaining({ code: "model", message: expect.stringMatching(message) }),
    );
  });
});

describe("folders", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "config-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test("missing, a file, empty, broken", async () => {
    const config = join(folder, "config.json");
    const expected = async (path: string, message: string) =>
      expect(readIdefics3Config(path)).rejects.toMatchObject({
        code: "model",
        message: expect.stringContaining(message),
      });
    await expected(join(folder, "none"), "is not a folder; expected a Hugging Face model folder");
    await expected(folder, `${config}: no such file in the model folder`);
    await writeFile(config, "{");
    await expected(config, "is not a folder");
    await expected(folder, `${config}: not valid JSON`);
  });
});
