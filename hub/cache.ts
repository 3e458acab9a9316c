import { link, mkdir, readdir, readFile, rename, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { HubRepo } from "./name.ts";

/** One repository in the cache that Python shares: blobs by hash, snapshots of links to them, refs by revision. */
export class CachedRepository {
  readonly folder: string;

  constructor(cache: string, { kind, repo }: HubRepo) {
    this.folder = join(cache, `${kind}s--${repo.replace("/", "--")}`);
  }

  /** The folder of a commit's files, whether it exists or not. */
  snapshot(commit: string): string {
    return join(this.folder, "snapshots", commit);
  }

  /** Where the content of that hash lies or would lie. */
  blob(hash: string): string {
    return join(this.folder, "blobs", hash);
  }

  /** The commit that a revision meant when it was last asked for; undefined where it never was. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (isCommit(revision)) return revision;
    const text = await readFile(this.#ref(revision), "utf8").catch(() => "");
    return isCommit(text.trim()) ? text.trim() : undefined;
  }

  /** Notes which commit a revision means. */
  async setCommit(revision: string, commit: string): Promise<void> {
    if (isCommit(revision)) return;
    const path = this.#ref(revision);
    const temporary = `${path}.${process.pid}.tmp`;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(temporary, commit);
    await rename(temporary, path);
  }

  /** Makes a blob a file of a snapshot. */
  async place(hash: string, commit: string, name: string): Promise<void> {
    const path = join(this.snapshot(commit), name);
    await mkdir(dirname(path), { recursive: true });
    const target = relative(dirname(path), this.blob(hash));
    try {
      // Where symbolic links need a privilege (Windows), hard links do not.
      await symlink(target, path).catch(() => link(this.blob(hash), path));
    } catch (error) {
      if (!(await isFile(path))) throw error;
    }
  }

  #ref(revision: string): string {
    return join(this.folder, "refs", ...revision.split("/"));
  }
}

export function isCommit(text: string): boolean {
  return /^[0-9a-f]{40}$/.test(text);
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

/** What a list of files lacks to be a whole model, as text for a message; shards are not looked at. */
export function missingNames(names: readonly string[]): string[] {
  const lacking = needed.filter((row) => !row.some((name) => names.includes(name)));
  return lacking.map((row) => row.join(" or "));
}

/** The same of a folder, with the shards that its index lists. A link to nothing is no file. */
export async function missingFiles(folder: string): Promise<string[]> {
  const listed = await readdir(folder).catch(() => []);
  const whole = await Promise.all(listed.map((name) => isFile(join(folder, name))));
  const names = listed.filter((_, i) => whole[i]);
  const shards = names.includes(single) ? [] : await shardsOf(join(folder, index));
  return [...missingNames(names), ...shards.filter((shard) => !names.includes(shard))];
}

/** The names that an index lists; none where it cannot be read, which opening the model will say better. */
async function shardsOf(path: string): Promise<string[]> {
  try {
    const { weight_map } = JSON.parse(await readFile(path, "utf8"));
    return [...new Set(Object.values<string>(weight_map))];
  } catch {
    return [];
  }
}

/** Whether a model needs this file of a repository: configuration, tokenizer, template and weights, nothing else. */
export function isNeeded(name: string, names: readonly string[]): boolean {
  if (/^\w[\w.-]*\.(json|jinja)$/.test(name)) return true;
  return names.includes(single) ? name === single : /^model-\d+-of-\d+\.safetensors$/.test(name);
}

export async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}
