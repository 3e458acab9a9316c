import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sizeOf } from "../../autodiff/tensor_type.ts";
import { RandomStream } from "../../common/random.ts";
import { vocabulary } from "../../images/scenes/vocabulary.ts";
import { readIdefics3Config } from "../models/idefics3_config.ts";
import { SmolVlm } from "../models/smolvlm.ts";
import type { ParameterSpec } from "../models/vision_language_model.ts";
import { ParameterLayout } from "../weights/parameters.ts";
import { writeSafetensors } from "../weights/safetensors_writer.ts";

/** What the embedded model is told; its vocabulary has the words of these and of the scene questions. */
export const embeddedPrompts = {
  questioner: "ask .",
  reasoner: "{question}",
  describer: "describe .",
} as const;

/** Its longest completions (tokens). */
const maxTokens = { questioner: 32, reasoner: 32 } as const;

const specialTokens = [
  "<pad>",
  "<unk>",
  "<|im_start|>",
  "<end_of_utterance>",
  "<image>",
  "<fake_token_around_image>",
  "<global-img>",
] as const;
const words = ["User:", "Assistant:", "ask", "describe", ".", ...vocabulary];
const tokenIds: Readonly<Record<string, number>> = Object.fromEntries(
  [...specialTokens, ...words].map((token, id) => [token, id]),
);
const textHidden = 128;
const chatTemplate =
  "{{- '<|im_start|>' -}}{%- for message in messages -%}{{- message['role'] | capitalize -}}" +
  "{{- ':' if message['content'][0]['type'] == 'image' else ': ' -}}{%- for part in message['content'] -%}" +
  "{%- if part['type'] == 'image' -%}{{- '<image>' -}}{%- elif part['type'] == 'text' -%}{{- part['text'] -}}" +
  "{%- endif -%}{%- endfor -%}{{- '<end_of_utterance>\\n' -}}{%- endfor -%}" +
  "{%- if add_generation_prompt -%}{{- 'Assistant:' -}}{%- endif -%}";

/** The id of a word or tag of the embedded vocabulary. */
export function wordId(word: string): number {
  const id = tokenIds[word];
  if (id === undefined) throw new RangeError(`"${word}" is not in the embedded vocabulary`);
  return id;
}

/** Writes an untrained model folder: configuration, tokenizer, processor, prompts, and weights drawn from a seed. */
export async function writeUntrainedModel(folder: string, seed: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries(modelFiles()))
    await writeFile(join(folder, name), `${JSON.stringify(content, null, 2)}\n`);
  await writeFile(join(folder, "chat_template.jinja"), chatTemplate);
  const { parameters } = new SmolVlm(await readIdefics3Config(folder));
  const layout = new ParameterLayout(parameters);
  const flat = new Float32Array(layout.size);
  const stream = new RandomStream(seed);
  for (const spec of layout.specs) initialize(spec, layout.view(flat, spec.name), stream);
  for (const { name } of layout.specs.filter((spec) => /text_model.*q_proj/.test(spec.name))) {
    const part = (letter: string): Float32Array =>
      layout.view(flat, name.replace("q_proj", `${letter}_proj`));
    startAsRecall(part("q"), part("k"), part("v"), part("o"));
  }
  await writeSafetensors(join(folder, "model.safetensors"), layout.arrays(flat));
}

/**
 * Norms start as the identity, biases at zero, what a block adds to its input at zero, embeddings at 1/√D so that
 * tied logits have unit scale, the connector so that image rows are as large as embeddings; other matrices keep the
 * scale of their input.
 */
function initialize({ name, shape }: ParameterSpec, values: Float32Array, stream: RandomStream): void {
  if (name.endsWith(".bias") || /o_proj|out_proj|down_proj|fc2/.test(name)) return;
  if (name.includes("norm")) {
    values.fill(1);
    return;
  }
  const table = name.includes("embed_tokens") || name.includes("position_embedding");
  const deviation = (table ? textHidden : sizeOf(shape.slice(1))) ** -0.5;
  const gain = name.includes("connector") ? textHidden ** -0.5 : 1;
  for (let i = 0; i < values.length; i++) values[i] = stream.normal() * deviation * gain;
}

/** How much of what attention reads is written back at first. */
const recallGain = 0.3;

/**
 * Lets attention begin as recall of what is alike (2305.09828): keys are queries, and what is read is written back
 * as it was. Otherwise a small model needs long to find that a word can point at what it names.
 */
function startAsRecall(q: Float32Array, k: Float32Array, v: Float32Array, o: Float32Array): void {
  k.set(q);
  for (let i = 0; i < textHidden; i++)
    for (let j = 0; j < textHidden; j++)
      o[i * textHidden + j] = recallGain * (v[j * textHidden + i] as number);
}

function modelFiles(): Record<string, unknown> {
  const id = (token: (typeof specialTokens)[number]): number => wordId(token);
  const tokens = {
    bos_token_id: id("<|im_start|>"),
    eos_token_id: id("<end_of_utterance>"),
    pad_token_id: id("<pad>"),
  };
  const processor = {
    image_processor_type: "Idefics3ImageProcessor",
    processor_class: "Idefics3Processor",
    do_convert_rgb: true,
    do_image_splitting: false,
    do_normalize: true,
    do_pad: true,
    do_rescale: true,
    do_resize: true,
    image_mean: [0.5, 0.5, 0.5],
    image_std: [0.5, 0.5, 0.5],
    max_image_size: { longest_edge: 64 },
    resample: 1,
    rescale_factor: 1 / 255,
    size: { longest_edge: 64 },
  };
  return {
    "config.json": {
      architectures: ["Idefics3ForConditionalGeneration"],
      model_type: "idefics3",
      dtype: "float32",
      image_token_id: id("<image>"),
      ...tokens,
      scale_factor: 2,
      tie_word_embeddings: true,
      text_config: {
        model_type: "llama",
        hidden_size: textHidden,
        intermediate_size: 256,
        num_hidden_layers: 4,
        num_attention_heads: 4,
        num_key_value_heads: 4,
        head_dim: 32,
        hidden_act: "silu",
        max_position_embeddings: 1024,
        rms_norm_eps: 1e-5,
        rope_parameters: { rope_theta: 10000, rope_type: "default" },
        tie_word_embeddings: true,
        vocab_size: specialTokens.length + words.length,
        ...tokens,
      },
      vision_config: {
        model_type: "idefics3_vision",
        hidden_size: 96,
        intermediate_size: 192,
        num_hidden_layers: 3,
        num_attention_heads: 4,
        num_channels: 3,
        image_size: 64,
        patch_size: 8,
        hidden_act: "gelu_pytorch_tanh",
        layer_norm_eps: 1e-6,
      },
    },
    "generation_config.json": tokens,
    "preprocessor_config.json": processor,
    "processor_config.json": { image_seq_len: 16, processor_class: "Idefics3Processor" },
    "tokenizer.json": {
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: specialTokens.map((content) => ({
        id: id(content),
        content,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: true,
      })),
      normalizer: null,
      pre_tokenizer: { type: "WhitespaceSplit" },
      post_processor: null,
      decoder: null,
      model: { type: "WordLevel", vocab: tokenIds, unk_token: "<unk>" },
    },
    "tokenizer_config.json": {
      tokenizer_class: "PreTrainedTokenizerFast",
      bos_token: "<|im_start|>",
      eos_token: "<end_of_utterance>",
      pad_token: "<pad>",
      unk_token: "<unk>",
      additional_special_tokens: specialTokens.slice(4),
      clean_up_tokenization_spaces: false,
      model_max_length: 1024,
    },
    "visplay.json": { prompts: embeddedPrompts, maxTokens },
  };
}
