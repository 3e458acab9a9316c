import { totalmem } from "node:os";
import { join } from "node:path";
import { exists, modelError, readModelJson, show } from "./model_files.ts";
import type { ParameterLayout } from "./parameters.ts";
import { isFloat, readTypes, type StoredType, shardsOf } from "./safetensors.ts";

/**
 * Compares a model's parameters with what the headers of a folder's safetensors files say, before anything large is
 * read. Throws a `VisplayError` of code "model" where a parameter is missing, has another shape or no floating-point
 * type, is unknown to the architecture, or where the machine's memory cannot hold them.
 */
export async function checkWeights(folder: string, { specs, size }: ParameterLayout): Promise<void> {
  const stored = await storedTypes(folder);
  for (const { name, shape } of specs) {
    const type = stored.get(name);
    if (type === undefined) throw modelError(folder, `the weights lack ${name} [${shape}]`);
    if (`${type.shape}` !== `${shape}`)
      throw modelError(folder, `${name} is [${type.shape}]; config.json asks for [${shape}]`);
    if (!isFloat(type.dtype))
      throw modelError(folder, `${name} is ${type.dtype}; expected floating-point weights`);
    stored.delete(name);
  }
  const [unknown] = stored.keys();
  if (unknown !== undefined)
    throw modelError(folder, `the weights hold ${show(unknown)}, which this architecture lacks`);
  const bytes = 4 * size;
  if (bytes > totalmem()) {
    const gigabytes = (n: number): string => `${(n / 1e9).toFixed(1)} GB`;
    const found = `the weights take ${gigabytes(bytes)} as 32-bit floats`;
    throw modelError(folder, `${found}; this machine has ${gigabytes(totalmem())} of memory`);
  }
}

/** The types of the tensors that `readModelWeights` would read. */
async function storedTypes(folder: string): Promise<Map<string, StoredType>> {
  const single = join(folder, "model.safetensors");
  if (await exists(single)) return readTypes(single);
  const index = join(folder, "model.safetensors.index.json");
  if (!(await exists(index))) throw modelError(folder, `no weights; expected ${single} or ${index}`);
  const types = new Map<string, StoredType>();
  for (const [shard, names] of shardsOf(await readModelJson(index))) {
    const path = join(folder, shard);
    const held = await readTypes(path);
    for (const name of names) {
      const type = held.get(name);
      if (!type) throw modelError(path, `has no tensor ${show(name)}, which ${index} places there`);
      types.set(name, type);
    }
  }
  return types;
}
