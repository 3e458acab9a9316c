import { access, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sizeOf } from "../autodiff/tensor_type.ts";
import { RandomStream } from "../common/random.ts";
import { readIdefics3Config } from "../policy/models/idefics3_config.ts";
import { SmolVlm } from "../policy/models/smolvlm.ts";
import type { ParameterSpec } from "../policy/models/vision_language_model.ts";
import { writeUntrainedModel } from "../policy/pretrain/embedded_model.ts";
import { copyModelFiles, writeModelFile } from "../policy/weights/model_weights.ts";
import { type FloatDtype, writeSafetensors } from "../policy/weights/safetensors_writer.ts";

/** The root of this package, seen from the build. */
export const packageRoot: string = fileURLToPath(new URL("../../", import.meta.url));

/** The embedded model; where it has not been made yet, an untrained one of the same sizes in a folder under `scratch`. */
export async function embeddedModel(scratch: string): Promise<string> {
  const embedded = join(packageRoot, "models/tiny");
  const made = await access(join(embedded, "model.safetensors")).then(
    () => true,
    () => false,
  );
  if (made) return embedded;
  const untrained = join(scratch, "untrained");
  await writeUntrainedModel(untrained, 0);
  return untrained;
}

/** What changes in a model's config.json and preprocessor_config.json. */
export interface Resizing {
  readonly text_config: Readonly<Record<string, number>>;
  readonly vision_config?: Readonly<Record<string, number>>;
  /** Of config.json itself. */
  readonly config?: Readonly<Record<string, number>>;
  /** Side of a tile, pixels; every image becomes one. */
  readonly tile?: number;
}

export type ModelSize = "tiny" | "256m";

/** Sizes of models with random weights that benchmarks use, for the tokenizer and processor of `tokenizerModel`. */
export const modelSizes: Readonly<Record<ModelSize, Resizing>> = {
  /** About the embedded model's. */
  tiny: {
    text_config: {
      hidden_size: 128,
      intermediate_size: 256,
      num_hidden_layers: 4,
      num_attention_heads: 4,
      num_key_value_heads: 4,
      head_dim: 32,
    },
    vision_config: { hidden_size: 96, intermediate_size: 192, num_hidden_layers: 3, num_attention_heads: 4 },
  },
  /** SmolVLM-256M's. */
  "256m": {
    config: { scale_factor: 4 },
    text_config: {
      hidden_size: 576,
      intermediate_size: 1536,
      num_hidden_layers: 30,
      num_attention_heads: 9,
      num_key_value_heads: 3,
      head_dim: 64,
      vocab_size: 49280,
      max_position_embeddings: 8192,
    },
    vision_config: {
      hidden_size: 768,
      intermediate_size: 3072,
      num_hidden_layers: 12,
      num_attention_heads: 12,
      image_size: 512,
      patch_size: 16,
    },
    tile: 512,
  },
};

/** The model folder whose tokenizer and processor models of `modelSizes` have. */
export const tokenizerModel: string = join(packageRoot, "test/reference/smolvlm-tiny");

/** Writes a model of other sizes, with random weights and the tokenizer and processor of the model in `source`. */
export async function writeResizedModel(
  source: string,
  { text_config, vision_config, config: top, tile }: Resizing,
  folder: string,
  dtype: FloatDtype = "F32",
): Promise<void> {
  await copyModelFiles(source, folder, "float32");
  await edit(join(folder, "config.json"), (config) => {
    Object.assign(config, top);
    Object.assign(config.text_config as object, text_config);
    Object.assign(config.vision_config as object, vision_config);
  });
  if (tile !== undefined) {
    const size = { longest_edge: tile };
    await edit(join(folder, "preprocessor_config.json"), (processor) => {
      Object.assign(processor, { size, max_image_size: size });
    });
    await rm(join(folder, "processor_config.json"), { force: true });
  }
  const specs = new SmolVlm(await readIdefics3Config(folder)).parameters;
  const stream = new RandomStream(0);
  const tensors = specs.map((spec) => {
    const compute = async () => randomWeights(spec, stream);
    return [spec.name, { shape: spec.shape, compute }] as const;
  });
  await writeSafetensors(join(folder, "model.safetensors"), new Map(tensors), dtype);
}

async function edit(path: string, change: (content: Record<string, unknown>) => void): Promise<void> {
  const content = JSON.parse(await readFile(path, "utf8"));
  change(content);
  await writeModelFile(path, content);
}

/** Matrices that keep the scale of their input, norms as the identity. */
function randomWeights({ name, shape }: ParameterSpec, stream: RandomStream): Float32Array {
  const values = new Float32Array(sizeOf(shape));
  const deviation = sizeOf(shape.slice(1)) ** -0.5;
  if (shape.length === 1) return values.fill(name.endsWith(".bias") ? 0 : 1);
  for (let i = 0; i < values.length; i++) values[i] = stream.normal() * deviation;
  return values;
}

/** A temporary folder, gone when disposed of. */
export async function scratchFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "visplay-bench-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
