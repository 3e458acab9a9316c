import { execFileSync } from "node:child_process";
import { mkdir, open, readFile, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { totalmem } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { LocalPolicy } from "../../../policy/embedded/local_policy.ts";
import { openPolicy } from "../../../policy/parallel/open_policy.ts";
import { FullWeights } from "../../../policy/weights/full_weights.ts";
import { readReference } from "../../reference_dir.ts";
import { copyTiny, tinyOptions } from "../tiny.ts";

/** Changes a model folder. */
type Change = (folder: string) => Promise<unknown>;
type Json = Record<string, unknown>;

const config = readReference("smolvlm-tiny/config.json");
const tokenizer = readReference("smolvlm-tiny/tokenizer.json");
const tokenizerConfig = readReference("smolvlm-tiny/tokenizer_config.json");

const writes =
  (name: string, contents: string): Change =>
  (folder) =>
    writeFile(join(folder, name), contents);
/** Replaces fields of a JSON file. */
const sets =
  (name: string, fields: Json): Change =>
  async (folder) => {
    const path = join(folder, name);
    await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, "utf8")), ...fields }));
  };
const text = (fields: Json): Change =>
  sets("config.json", { text_config: { ...config.text_config, ...fields } });
const vision = (fields: Json): Change =>
  sets("config.json", { vision_config: { ...config.vision_config, ...fields } });
const template = (contents: string): Change => writes("chat_template.jinja", contents);
/** Puts something that is no regular file in a file's place. */
const replaces =
  (name: string, make: (path: string) => Promise<unknown> | Buffer): Change =>
  async (folder) => {
    const path = join(folder, name);
    await rm(path, { force: true });
    await make(path);
  };
const pipe = (path: string): Buffer => execFileSync("mkfifo", [path]);
const zeros = (path: string): Promise<void> => symlink("/dev/zero", path);

function without(token: string): Change {
  const { [token]: _, ...vocab } = tokenizer.model.vocab;
  const others = (list: { content: string }[]): Json[] => list.filter(({ content }) => content !== token);
  const decoder = Object.entries<{ content: string }>(tokenizerConfig.added_tokens_decoder);
  return async (folder) => {
    const model = { ...tokenizer.model, vocab };
    await sets("tokenizer.json", { model, added_tokens: others(tokenizer.added_tokens) })(folder);
    const kept = decoder.filter(([, { content }]) => content !== token);
    await sets("tokenizer_config.json", { added_tokens_decoder: Object.fromEntries(kept) })(folder);
  };
}

const renumbered = (id: unknown): Change =>
  sets("tokenizer.json", { model: { ...tokenizer.model, vocab: { ...tokenizer.model.vocab, x: id } } });

/** Replaces the weights by a file of one tensor that takes disk space for its header alone. */
const sparse =
  (header: object, dataBytes: number): Change =>
  async (folder) => {
    const path = join(folder, "model.safetensors");
    const json = Buffer.from(JSON.stringify(header));
    const prefix = Buffer.alloc(8);
    prefix.writeBigUInt64LE(BigInt(json.length));
    await writeFile(path, Buffer.concat([prefix, json]));
    await truncate(path, prefix.length + json.length + dataBytes);
  };
/** Lists tensors in an index instead of one file. */
const index =
  (map: unknown): Change =>
  async (folder) => {
    await rm(join(folder, "model.safetensors"));
    await writes("model.safetensors.index.json", JSON.stringify({ weight_map: map }))(folder);
  };

const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 714880\n`;
/** Weights in another format, and none in safetensors. */
const onlyWeights =
  (name: string): Change =>
  async (folder) => {
    await rm(join(folder, "model.safetensors"));
    await writes(name, "")(folder);
  };

const cases: Record<string, [Change, RegExp]> = {
  "a wide text model": [
    text({ hidden_size: 2 ** 20, intermediate_size: 2 ** 20, vocab_size: 2 ** 20 }),
    /\.weight is \[[\d,]+\]; config\.json asks for \[[\d,]*1048576/,
  ],
  "a wide vision tower": [
    vision({ hidden_size: 2 ** 20 }),
    /\.weight is \[[\d,]+\]; config\.json asks for \[[\d,]*1048576/,
  ],
  "many layers": [
    text({ num_hidden_layers: 1e9 }),
    /num_hidden_layers is 1000000000; expected a whole number/,
  ],
  "more layers than weights": [text({ num_hidden_layers: 1024 }), /the weights lack .*layers\.2\./],
  "no vocabulary": [text({ vocab_size: 0 }), /text_config\.vocab_size is 0; expected a whole number from 1/],
  "a context shorter than an image": [
    text({ max_position_embeddings: 16 }),
    /max_position_embeddings is 16; expected more than the 16 tokens of an image/,
  ],
  "sizes as text": [text({ hidden_size: "64" }), /text_config\.hidden_size is "64"; expected a whole number/],
  "deep nesting": [
    writes("config.json", `{"model_type":${"[".repeat(200_000)}${"]".repeat(200_000)}}`),
    /config\.json: model_type is a value nested too deeply to show; expected/,
  ],
  "a folder for config.json": [
    replaces("config.json", (path) => mkdir(path)),
    /config\.json: is no regular file/,
  ],
  "a pipe for config.json": [replaces("config.json", pipe), /config\.json: is no regular file/],
  "an endless config.json": [replaces("config.json", zeros), /config\.json: is no regular file/],
  "a huge config.json": [
    (folder) => truncate(join(folder, "config.json"), 3 * 2 ** 30),
    /config\.json: has 3221225472 bytes; expected at most 67108864/,
  ],

  "a pipe for tokenizer.json": [replaces("tokenizer.json", pipe), /tokenizer\.json: is no regular file/],
  "a huge tokenizer.json": [
    (folder) => truncate(join(folder, "tokenizer.json"), 3 * 2 ** 30),
    /tokenizer\.json: has 3221225472 bytes; expected at most/,
  ],
  "an id beyond the vocabulary": [
    renumbered(363),
    /tokenizer\.json: model\.vocab\.x is 363; expected a whole number from 0 to 362/,
  ],
  "a negative id": [renumbered(-1), /model\.vocab\.x is -1; expected a whole number/],
  "an id as text": [renumbered("7"), /model\.vocab\.x is "7"; expected a whole number/],
  "an added token with a huge id": [
    sets("tokenizer.json", { added_tokens: [{ id: 4e9, content: "<huge>" }] }),
    /added_tokens holds \{"id":4000000000.*; expected objects whose id is a whole number/,
  ],
  "added tokens that are none": [sets("tokenizer.json", { added_tokens: [null] }), /added_tokens holds null/],
  "a huge id in tokenizer_config.json": [
    sets("tokenizer_config.json", { added_tokens_decoder: { 4e9: { content: "<huge>" } } }),
    /tokenizer_config\.json: added_tokens_decoder\.4000000000 is .*; expected a key that is a whole number/,
  ],
  "no image token": [without("<image>"), /tokenizer\.json: has no token "<image>"/],
  "no token around images": [
    without("<fake_token_around_image>"),
    /tokenizer\.json: has no token "<fake_token_around_image>"/,
  ],
  "no token of the whole image": [without("<global-img>"), /tokenizer\.json: has no token "<global-img>"/],
  "no stop token": [without("<end_of_utterance>"), /eos_token_id 362 is no token of the tokenizer/],

  "a template that throws": [
    template('{{ raise_exception("no") }}'),
    /chat_template\.jinja: the chat template fails: no/,
  ],
  "a template that loops": [
    template("{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}<image>"),
    /chat_template\.jinja: the chat template does not end within 2000 ms/,
  ],
  "a template that fills the memory": [
    template("{% for i in range(1000000000) %}a{% endfor %}"),
    /the chat template does not end within 2000 ms/,
  ],
  "a template that writes much": [
    template(`{% for i in range(10000) %}${"a".repeat(200)}{% endfor %}<image>`),
    /the chat template writes 2000007 characters for one question/,
  ],
  "a huge template": [
    template("a".repeat(2 ** 20 + 1)),
    /chat_template\.jinja: has 1048577 bytes; expected at most/,
  ],
  "a huge template in tokenizer_config.json": [
    async (folder) => {
      await rm(join(folder, "chat_template.json"));
      await sets("tokenizer_config.json", { chat_template: "a".repeat(2 ** 20 + 1) })(folder);
    },
    /tokenizer_config\.json: chat_template is .*; expected a Jinja template of at most 1048576 characters/,
  ],
  "a template that is a number": [
    writes("chat_template.json", '{"chat_template": 7}'),
    /chat_template\.json: chat_template is 7; expected a Jinja template/,
  ],
  "a template without an image": [
    template("hello"),
    /chat_template\.jinja: the chat template writes 0 <image> for one image; expected one/,
  ],

  "a mean that is no level": [
    sets("preprocessor_config.json", { image_mean: [1e300, 0, 0] }),
    /image_mean is \[1e\+300,0,0\]; expected a number from -1000 to 1000/,
  ],
  "a vanishing deviation": [
    sets("preprocessor_config.json", { image_std: 1e-300 }),
    /image_std is 1e-300; expected a number from 0\.001 to 1000/,
  ],

  "a pointer in place of the weights": [
    writes("model.safetensors", pointer),
    /model\.safetensors: is a Git LFS pointer.*git lfs pull/,
  ],
  "a pointer in place of the tokenizer": [
    writes("tokenizer.json", pointer),
    /tokenizer\.json: is a Git LFS pointer/,
  ],
  "weights that Python alone reads": [
    onlyWeights("pytorch_model.bin"),
    /found pytorch_model\.bin, expected model\.safetensors .*save_pretrained/,
  ],
  "weights for llama.cpp": [
    onlyWeights("model-q4.gguf"),
    /found model-q4\.gguf, expected model\.safetensors .*the model that the GGUF file was made from/,
  ],
  "a program of its own": [
    sets("config.json", { auto_map: { AutoModel: "modeling_odd.OddModel" } }),
    /auto_map: the folder computes its model by a program of its own \("modeling_odd.OddModel"\)/,
  ],
  "weights of AWQ": [
    sets("config.json", { quantization_config: { quant_method: "awq", bits: 4 } }),
    /quantization_config: the weights are quantised \(AWQ\).*in bfloat16, float16 or float32/,
  ],
  "weights of bitsandbytes": [
    sets("config.json", { quantization_config: { load_in_4bit: true } }),
    /quantised \(bitsandbytes\)/,
  ],
  "another family": [
    sets("config.json", { model_type: "llava" }),
    /config\.json: model_type is "llava": LLaVA is not supported; the nearest family that is: Qwen2\.5-VL/,
  ],
  "a family with experts": [
    sets("config.json", { model_type: "qwen3_vl_moe" }),
    /Qwen3-VL with experts is not supported; the nearest family that is: Qwen3-VL without experts, such as/,
  ],
  "an unheard-of family": [
    sets("config.json", { model_type: "x" }),
    /model_type is "x"; expected "idefics3" or "smolvlm" or "qwen2_5_vl" or "qwen2_vl" or "qwen3_vl"/,
  ],
  "a model without eyes": [
    sets("config.json", { model_type: "llama", vision_config: undefined }),
    /model_type is "llama"; expected a model that sees pictures: "idefics3"/,
  ],
  "no model type": [
    sets("config.json", { model_type: undefined }),
    /model_type is missing; expected "idefics3"/,
  ],

  "a pipe for the weights": [replaces("model.safetensors", pipe), /model\.safetensors: is no regular file/],
  "deep nesting in a header": [
    (folder) => sparse(JSON.parse(`{"x":${"[".repeat(500)}1${"]".repeat(500)}}`), 0)(folder),
    /model\.safetensors: x is \[+…; expected an object/,
  ],
  "a terabyte of something else": [
    sparse({ x: { dtype: "F32", shape: [2 ** 38], data_offsets: [0, 2 ** 40] } }, 2 ** 40),
    /the weights lack model\.\S+ \[[\d,]+\]/,
  ],
  "a shard that is missing": [
    index({ x: "x.safetensors" }),
    /x\.safetensors: no such file in the model folder/,
  ],
  "a shard outside": [
    index({ x: "../x.safetensors" }),
    /weight_map\.x is "..\/x\.safetensors"; expected the name/,
  ],
  "an index of nothing": [index({}), /the weights lack/],
};

describe("a hostile folder", () => {
  test.each(Object.entries(cases))(
    "with %s is refused",
    { timeout: 20_000 },
    async (_, [change, message]) => {
      await using tiny = await copyTiny();
      await change(tiny.folder);
      const before = process.memoryUsage().arrayBuffers;
      await expect(LocalPolicy.open(tiny.folder, tinyOptions)).rejects.toMatchObject({
        code: "model",
        message: expect.stringMatching(message),
      });
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 2 ** 20);
    },
  );

  test("with dangling links is refused by the threads, too", async () => {
    await using tiny = await copyTiny();
    await replaces("model.safetensors", (path) => symlink("nowhere", path))(tiny.folder);
    await expect(
      openPolicy(tiny.folder, { ...tinyOptions, name: "x", replicas: null }),
    ).rejects.toMatchObject({
      code: "model",
      message: expect.stringContaining("no weights; expected"),
    });
  });
});

test("weights beyond the machine's memory are refused before any is taken", async () => {
  await using tiny = await copyTiny();
  const rows = Math.ceil(totalmem() / 2 ** 20);
  const shape = [rows, 2 ** 20];
  const bytes = rows * 2 ** 21;
  await sparse({ x: { dtype: "BF16", shape, data_offsets: [0, bytes] } }, bytes)(tiny.folder);
  const specs = [{ name: "x", shape, group: "text" }] as const;
  await expect(FullWeights.open(tiny.folder, specs, () => true)).rejects.toMatchObject({
    code: "model",
    message: expect.stringMatching(
      /the weights to train take [\d.]+ GB as 32-bit floats; this machine has [\d.]+ GB/,
    ),
  });
});

describe("duplicate names in a header", () => {
  test("cannot hide bytes", async () => {
    await using tiny = await copyTiny();
    const file = await open(join(tiny.folder, "model.safetensors"), "w");
    const entry = (from: number, to: number) =>
      `"x":{"dtype":"F32","shape":[1],"data_offsets":[${from},${to}]}`;
    const json = Buffer.from(`{${entry(0, 4)},${entry(4, 8)}}`);
    const prefix = Buffer.alloc(8);
    prefix.writeBigUInt64LE(BigInt(json.length));
    await file.writeFile(Buffer.concat([prefix, json, Buffer.alloc(8)]));
    await file.close();
    await expect(LocalPolicy.open(tiny.folder, tinyOptions)).rejects.toThrow(
      /data_offsets of "x" leave a gap: begin 4; expected 0/,
    );
  });
});
