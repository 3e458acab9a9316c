import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { VisplayError } from "../common/errors.ts";
import { checkWeights } from "./check_weights.ts";
import type { ParameterLayout } from "./parameters.ts";
import { readModelWeights, writeSafetensors } from "./safetensors.ts";

/**
 * The weights of a model folder as one flat vector. Throws a `VisplayError` of code "model" where they are broken or
 * not those of the architecture, before memory is taken for them.
 */
export async function loadWeights(folder: string, layout: ParameterLayout): Promise<Float32Array> {
  await checkWeights(folder, layout);
  const stored = await readModelWeights(folder);
  const flat = new Float32Array(layout.size);
  for (const [name, { data }] of stored) layout.view(flat, name).set(data);
  return flat;
}

/**
 * Writes a model folder: the weights, and from `source` everything that is not weights (configuration, tokenizer,
 * template). Throws a `VisplayError` of code "disk" where it cannot.
 */
export async function saveModel(
  source: string,
  folder: string,
  layout: ParameterLayout,
  flat: Float32Array,
): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    for (const name of await readdir(source))
      if (/\.(json|jinja|txt|model)$/.test(name) && !name.endsWith(".safetensors.index.json"))
        await copyFile(join(source, name), join(folder, name));
    await declareFloat32(join(folder, "config.json"));
  } catch (cause) {
    throw new VisplayError("disk", `${folder}: cannot be written: ${(cause as Error).message}`, { cause });
  }
  await writeWeights(folder, layout, flat);
}

/** Writes model.safetensors. */
export async function writeWeights(
  folder: string,
  layout: ParameterLayout,
  flat: Float32Array,
): Promise<void> {
  const tensors = layout.specs.map(
    ({ name, shape }) => [name, { shape, data: layout.view(flat, name) }] as const,
  );
  await writeSafetensors(join(folder, "model.safetensors"), new Map(tensors));
}

/** Readers load weights in the type that the configuration names, whatever the file holds. */
async function declareFloat32(path: string): Promise<void> {
  const config = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
  for (const key of ["dtype", "torch_dtype"]) if (key in config) config[key] = "float32";
  await writeFile(path, `${JSON.stringify(config, null, 2)}\n`);
}
