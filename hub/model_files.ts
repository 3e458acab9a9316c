import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** Which files of a repository make a model. */
export interface ModelFiles {
  /** Whether some of them lie in folders. */
  readonly isDeep: boolean;
  /** What a list of files lacks to be a whole model, as text for a message; `folder` has them, if it is not null. */
  missing(names: readonly string[], folder: string | null): Promise<readonly string[]>;
  /** Whether a model needs this file of a list of them. */
  isNeeded(name: string, names: readonly string[]): boolean;
}

const single = "model.safetensors";
const index = `${single}.index.json`;

/** Files without which a folder is no model; one of each row. */
const needed: readonly (readonly string[])[] = [
  ["config.json"],
  ["tokenizer.json"],
  ["tokenizer_config.json"],
  ["preprocessor_config.json", "processor_config.json"],
  [single, index],
];

/** Models that can be trained: configuration, tokenizer, template and weights, with the shards that an index lists. */
export const trainableFiles: ModelFiles = {
  isDeep: false,
  async missing(names, folder) {
    const lacking = needed.filter((row) => !row.some((name) => names.includes(name)));
    const shards = folder === null || names.includes(single) ? [] : await shardsOf(join(folder, index));
    return [...lacking.map((row) => row.join(" or ")), ...shards.filter((shard) => !names.includes(shard))];
  },
  isNeeded(name, names) {
    if (/^\w[\w.-]*\.(json|jinja)$/.test(name)) return true;
    return names.includes(single) ? name === single : /^model-\d+-of-\d+\.safetensors$/.test(name);
  },
};

/** Models whose weights an engine has: the same without them. */
export const describingFiles: ModelFiles = {
  isDeep: false,
  async missing(names) {
    const lacking = needed.filter(
      (row) => !row.includes(single) && !row.some((name) => names.includes(name)),
    );
    return lacking.map((row) => row.join(" or "));
  },
  isNeeded(name) {
    return name !== index && /^\w[\w.-]*\.(json|jinja)$/.test(name);
  },
};

/** The names that an index lists; none where it cannot be read, which opening the model will say better. */
async function shardsOf(path: string): Promise<string[]> {
  try {
    const { weight_map } = JSON.parse(await readFile(path, "utf8"));
    return [...new Set(Object.values<string>(weight_map))];
  } catch {
    return [];
  }
}
