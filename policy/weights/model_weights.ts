import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { VisplayError } from "../../common/errors.ts";
import { exists, type JsonFields, modelError, readModelJson, show } from "../model_files.ts";
import type { ParameterSpec } from "../models/vision_language_model.ts";
import { locateTensors, type TensorPlace, tensorBytes } from "./safetensors.ts";
import { type FloatDtype, type TensorSource, writeSafetensors, writtenBytes } from "./safetensors_writer.ts";

const weightsFile = "model.safetensors";
const indexFile = "model.safetensors.index.json";
/** The output head, where it is not the embedding. */
const outputHead = "lm_head.weight";

/**
 * Where the weights of a Hugging Face model folder lie: in model.safetensors, or in the shards that
 * model.safetensors.index.json lists. Throws a `VisplayError` of code "model" if they are missing or broken.
 */
export async function locateModelWeights(folder: string): Promise<Map<string, TensorPlace>> {
  const single = join(folder, weightsFile);
  if (await exists(single)) return locateTensors(single);
  const index = join(folder, indexFile);
  if (!(await exists(index))) throw await noWeights(folder);

  const weights = new Map<string, TensorPlace>();
  for (const [shard, names] of shardsOf(await readModelJson(index))) {
    const path = join(folder, shard);
    const places = await locateTensors(path);
    for (const name of names) {
      const place = places.get(name);
      if (!place) throw modelError(path, `has no tensor ${show(name)}, which ${index} places there`);
      weights.set(name, place);
    }
  }
  return weights;
}

/** Whether a folder holds weights under the names that a Hugging Face model's have. */
export async function holdsWeights(folder: string): Promise<boolean> {
  return (await exists(join(folder, weightsFile))) || (await exists(join(folder, indexFile)));
}

/** Why a folder has no weights that can be read: what it holds instead, and what to do about it. */
async function noWeights(folder: string): Promise<VisplayError> {
  const files = await readdir(folder).catch(() => []);
  const expected = `expected ${weightsFile} or ${indexFile}`;
  const other = files.find((file) => /\.(bin|pth|pt|gguf)$|^pytorch_model.*\.json$/.test(file));
  if (!other) return modelError(folder, `no weights; ${expected}`);
  if (other.endsWith(".gguf"))
    return modelError(folder, `found ${other}, ${expected}: take the model that the GGUF file was made from`);
  return modelError(
    folder,
    `found ${other}, ${expected}; convert the folder with Python: from transformers import AutoModelForImageTextToText, ` +
      `AutoProcessor; [c.from_pretrained("${folder}").save_pretrained("converted") for c in (AutoModelForImageTextToText, AutoProcessor)]`,
  );
}

/** The tensor names of each shard of an index. */
function shardsOf(index: JsonFields): Map<string, string[]> {
  const map = index.section("weight_map");
  const shards = new Map<string, string[]>();
  for (const [name, shard] of Object.entries(map.values)) {
    if (typeof shard !== "string" || !/^[^/\\]+\.safetensors$/.test(shard)) {
      throw map.error(name, "the name of a .safetensors file in the same folder");
    }
    const names = shards.get(shard) ?? [];
    names.push(name);
    shards.set(shard, names);
  }
  return shards;
}

/**
 * Where each of a model's parameters lies. Throws a `VisplayError` of code "model" where one is missing, has another
 * shape or no floats, and where the folder holds one that is unknown to the architecture.
 */
export async function locateParameters(
  folder: string,
  specs: readonly ParameterSpec[],
): Promise<Map<string, TensorPlace>> {
  const places = await locateModelWeights(folder);
  const named = new Set(specs.map(({ name }) => name));
  for (const name of places.keys()) if (!named.has(name) && redundant.test(name)) places.delete(name);
  requireTensors(folder, "config.json", places, specs);
  return places;
}

/** What folders may hold beside parameters: an equal copy of a tied embedding, and constants that are computed here. */
const redundant = new RegExp(
  `^${outputHead.replaceAll(".", "\\.")}$|\\.(rotary_emb\\.inv_freq|position_ids)$`,
);

/** Whether weights hold no output head beside the embedding, or one that is equal to it. */
export async function sharesEmbedding(weights: ReadonlyMap<string, TensorPlace>): Promise<boolean> {
  const head = weights.get(outputHead);
  const [, embedding] = [...weights].find(([name]) => name.endsWith(".embed_tokens.weight")) ?? [];
  return !head || !embedding || equalBytes(head, embedding);
}

async function equalBytes(a: TensorPlace, b: TensorPlace): Promise<boolean> {
  if (a.dtype !== b.dtype || `${a.shape}` !== `${b.shape}`) return false;
  const others = tensorBytes(b);
  try {
    for await (const part of tensorBytes(a)) {
      const other = await others.next();
      if (other.done || Buffer.compare(part, other.value) !== 0) return false;
    }
    return true;
  } finally {
    await others.return(undefined);
  }
}

/** Refuses tensors that are not just those that `source` asks for, with a `VisplayError` of code "model". */
export function requireTensors(
  path: string,
  source: string,
  places: ReadonlyMap<string, TensorPlace>,
  specs: readonly Pick<ParameterSpec, "name" | "shape">[],
): void {
  for (const { name, shape } of specs) {
    const place = places.get(name);
    if (place === undefined) throw modelError(path, `the weights lack ${name} [${shape}]`);
    if (`${place.shape}` !== `${shape}`)
      throw modelError(path, `${name} is [${place.shape}]; ${source} asks for [${shape}]`);
    if (!/^B?F/.test(place.dtype))
      throw modelError(path, `tensor ${show(name)} is ${place.dtype}; expected floating-point weights`);
  }
  const known = new Set(specs.map(({ name }) => name));
  const unknown = [...places.keys()].find((name) => !known.has(name));
  if (unknown !== undefined)
    throw modelError(path, `the weights hold ${unknown}, which this architecture lacks`);
}

/**
 * Writes model.safetensors or, where that were larger than `shardBytes`, shards with their index. Throws a
 * `VisplayError` of code "disk" where it cannot.
 */
export async function writeModelWeights(
  folder: string,
  tensors: ReadonlyMap<string, TensorSource>,
  dtype: FloatDtype,
  shardBytes: number,
): Promise<void> {
  const shards: Map<string, TensorSource>[] = [];
  let total = 0;
  let room = 0;
  for (const [name, source] of [...tensors].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const bytes = writtenBytes(source, dtype);
    if (shards.length === 0 || bytes > room) {
      shards.push(new Map());
      room = shardBytes;
    }
    shards.at(-1)?.set(name, source);
    room -= bytes;
    total += bytes;
  }
  if (shards.length <= 1) return writeSafetensors(join(folder, weightsFile), tensors, dtype);
  const number = (i: number): string => String(i).padStart(5, "0");
  const places: Record<string, string> = {};
  for (const [i, shard] of shards.entries()) {
    const file = `model-${number(i + 1)}-of-${number(shards.length)}.safetensors`;
    await writeSafetensors(join(folder, file), shard, dtype);
    for (const name of shard.keys()) places[name] = file;
  }
  const index = { metadata: { total_size: total }, weight_map: places };
  await writeModelFile(join(folder, indexFile), index);
}

/**
 * Copies everything of a model folder that is not weights: configuration, tokenizer, template. Throws a
 * `VisplayError` of code "disk" where it cannot.
 */
export async function copyModelFiles(source: string, folder: string, dtype: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    for (const name of await readdir(source))
      if (/\.(json|jinja|txt|model)$/.test(name) && !name.endsWith(".safetensors.index.json"))
        await copyFile(join(source, name), join(folder, name));
    await declareDtype(join(folder, "config.json"), dtype);
  } catch (cause) {
    if (cause instanceof VisplayError) throw cause;
    throw new VisplayError("disk", `${folder}: cannot be written: ${(cause as Error).message}`, { cause });
  }
}

/** Readers load weights in the type that the configuration names, whatever the file holds. */
async function declareDtype(path: string, dtype: string): Promise<void> {
  const config = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
  for (const key of ["dtype", "torch_dtype"]) if (key in config) config[key] = dtype;
  await writeModelFile(path, config);
}

/** Writes a JSON file of a model folder; throws a `VisplayError` of code "disk" where it cannot. */
export async function writeModelFile(path: string, content: object): Promise<void> {
  await writeFile(path, `${JSON.stringify(content, null, 2)}\n`).catch((cause) => {
    throw new VisplayError("disk", `${path}: cannot be written: ${cause.message}`, { cause });
  });
}
