import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { diskError } from "../../common/disk.ts";
import { readIdefics3Config } from "../models/idefics3_config.ts";
import { SmolVlm } from "../models/smolvlm.ts";
import { writeSafetensors } from "../weights/safetensors_writer.ts";
import { initialWeights } from "./initial_weights.ts";
import {
  type SpecialToken,
  specialTokens,
  tokenIds,
  tokenizerFiles,
  type WordTokenizer,
} from "./word_tokenizer.ts";

/** How large a new model is; its vision tower is three quarters as wide as its text model. */
export interface ModelSizes {
  /** Width of the text model, a multiple of 32. */
  readonly hidden: number;
  /** Of the text model. */
  readonly layers: number;
  /** Side of the square that it sees of an image, pixels: a multiple of 16. */
  readonly imageSize: number;
  /** Tokens of its context. */
  readonly positions: number;
}

/** What a new model is made of. */
export interface NewModel {
  readonly tokenizer: WordTokenizer;
  readonly sizes: ModelSizes;
  /** Of the weights. */
  readonly seed: number;
  /** What visplay.json says: what policies are told, and how long completions may be. */
  readonly defaults: object;
}

/** The embedded model's. */
export const embeddedSizes: ModelSizes = { hidden: 128, layers: 4, imageSize: 64, positions: 1024 };

const headSize = 32;
const patchSize = 8;
/** Side of the square of patches that become one token. */
const scaleFactor = 2;

/** Image tokens for an image size. */
export function imageTokens(imageSize: number): number {
  return (imageSize / patchSize / scaleFactor) ** 2;
}

/**
 * Writes an untrained SmolVLM as a Hugging Face folder: configuration, tokenizer, processor, prompts, and weights drawn
 * from the seed. Gives the number of its parameters. Throws a `VisplayError` of code "disk" where that is not possible.
 */
export async function writeNewModel(folder: string, model: NewModel): Promise<number> {
  await writeFiles(folder, {
    ...Object.fromEntries(
      Object.entries(modelFiles(model)).map(([name, content]) => [
        name,
        `${JSON.stringify(content, null, 2)}\n`,
      ]),
    ),
    "chat_template.jinja": chatTemplate,
  });
  const { parameters } = new SmolVlm(await readIdefics3Config(folder));
  const weights = initialWeights(parameters, model.sizes.hidden, model.seed);
  await writeSafetensors(join(folder, "model.safetensors"), weights);
  return [...weights.values()].reduce((sum, { data }) => sum + data.length, 0);
}

async function writeFiles(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  } catch (cause) {
    throw diskError(folder, cause);
  }
}

const chatTemplate =
  "{{- '<|im_start|>' -}}{%- for message in messages -%}{{- message['role'] | capitalize -}}" +
  "{{- ':' if message['content'][0]['type'] == 'image' else ': ' -}}{%- for part in message['content'] -%}" +
  "{%- if part['type'] == 'image' -%}{{- '<image>' -}}{%- elif part['type'] == 'text' -%}{{- part['text'] -}}" +
  "{%- endif -%}{%- endfor -%}{{- '<end_of_utterance>\\n' -}}{%- endfor -%}" +
  "{%- if add_generation_prompt -%}{{- 'Assistant:' -}}{%- endif -%}";

function modelFiles({ tokenizer, sizes, defaults }: NewModel): Record<string, unknown> {
  const { hidden, layers, imageSize, positions } = sizes;
  const ids = tokenIds(tokenizer);
  const id = (token: SpecialToken): number => ids[token] as number;
  const tokens = {
    bos_token_id: id("<|im_start|>"),
    eos_token_id: id("<end_of_utterance>"),
    pad_token_id: id("<pad>"),
  };
  const heads = hidden / headSize;
  const visionHidden = 0.75 * hidden;
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
    max_image_size: { longest_edge: imageSize },
    resample: 1,
    rescale_factor: 1 / 255,
    size: { longest_edge: imageSize },
  };
  return {
    "config.json": {
      architectures: ["Idefics3ForConditionalGeneration"],
      model_type: "idefics3",
      dtype: "float32",
      image_token_id: id("<image>"),
      ...tokens,
      scale_factor: scaleFactor,
      tie_word_embeddings: true,
      text_config: {
        model_type: "llama",
        hidden_size: hidden,
        intermediate_size: 2 * hidden,
        num_hidden_layers: layers,
        num_attention_heads: heads,
        num_key_value_heads: heads,
        head_dim: headSize,
        hidden_act: "silu",
        max_position_embeddings: positions,
        rms_norm_eps: 1e-5,
        rope_parameters: { rope_theta: 10000, rope_type: "default" },
        tie_word_embeddings: true,
        vocab_size: specialTokens.length + tokenizer.words.length,
        ...tokens,
      },
      vision_config: {
        model_type: "idefics3_vision",
        hidden_size: visionHidden,
        intermediate_size: 2 * visionHidden,
        num_hidden_layers: 3,
        num_attention_heads: 4,
        num_channels: 3,
        image_size: imageSize,
        patch_size: patchSize,
        hidden_act: "gelu_pytorch_tanh",
        layer_norm_eps: 1e-6,
      },
    },
    "generation_config.json": tokens,
    "preprocessor_config.json": processor,
    "processor_config.json": { image_seq_len: imageTokens(imageSize), processor_class: "Idefics3Processor" },
    ...tokenizerFiles(tokenizer, positions),
    "visplay.json": defaults,
  };
}
