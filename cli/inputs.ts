import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Stage, startFolder } from "../arena/config/stages.ts";
import type { Ports } from "../arena/ports.ts";
import { VisplayError } from "../common/errors.ts";
import { hashFile } from "../common/file_hash.ts";
import { bytes } from "./format.ts";
import type { WithModel } from "./model.ts";
import type { Earlier, Opening } from "./run_images.ts";

/** SHA-256 by name. */
type Hashes = Readonly<Record<string, string>>;

/** What hashing tells of itself, and what ends it. */
type Hashing = Pick<Opening, "signal" | "show">;

/**
 * Hashes of the base weights and all else in the model's folders that is read, and of the prompts. A large model takes
 * some seconds, and is said to.
 */
export async function inputsOf(
  { folder, base }: WithModel,
  templates: Ports["templates"],
  hashing: Hashing,
): Promise<Hashes> {
  const texts = Object.entries(templates).map(([role, text]) => {
    return [`prompts.${role}`, createHash("sha256").update(text).digest("hex")] as const;
  });
  return {
    ...(await folderHashes("model", folder, hashing)),
    ...(folder === base ? {} : await folderHashes("base", base, hashing)),
    ...Object.fromEntries(texts),
  };
}

/** Hashes of the model that a stage of a run starts from, by its files' names in the run's folder; none for the first stage. */
export async function startInputs(stage: Stage, run: string, hashing: Hashing): Promise<Hashes> {
  const start = startFolder(stage);
  return start === null ? {} : folderHashes(start, join(run, start), hashing);
}

/** Those among hashes of the models that other stages than this one start from. */
export function otherStarts(hashes: Hashes, stage: Stage): Hashes {
  const own = `${startFolder(stage)}/`;
  const isOther = (name: string) => /^round-\d+\//.test(name) && !name.startsWith(own);
  return Object.fromEntries(Object.entries(hashes).filter(([name]) => isOther(name)));
}

/** Of all files in a folder that are read of a model; of a folder that is gone, none. */
export async function folderHashes(name: string, folder: string, { signal, show }: Hashing): Promise<Hashes> {
  const hashes: Record<string, string> = {};
  if (!existsSync(folder)) return hashes;
  for (const file of (await readdir(folder)).sort()) {
    signal.throwIfAborted();
    const found = await stat(join(folder, file));
    if (!isRead(file) || !found.isFile()) continue;
    show(`hashing ${file}, ${bytes(found.size)}`);
    hashes[`${name}/${file}`] = (await hashFile(join(folder, file))).digest("hex");
  }
  return hashes;
}

function isRead(file: string): boolean {
  return /^[^.].*\.(json|jinja|safetensors|txt)$/.test(file);
}

/**
 * Throws "model" or "config" where a run would go on in a stage with another model, other prompts or other questions, unless
 * that is allowed.
 */
export function compareInputs(
  inputs: Hashes,
  stage: Stage,
  { run, had, allow }: Earlier<Hashes>,
  say: (line: string) => void,
): void {
  if (had === null) return;
  const others = otherStarts(had, stage);
  // What older runs were not told of, they did not pin.
  const isNew = (name: string) => name.startsWith("prompts.") && !(name in had);
  const names = [...new Set([...Object.keys(had), ...Object.keys(inputs)])]
    .filter((name) => !(name in others) && !isNew(name))
    .sort();
  const changed = names.filter((name) => had[name] !== inputs[name]);
  if (changed.length === 0) return;
  const notes = changed.map((name) => {
    const what = !(name in inputs) ? "vanished" : name in had ? "changed" : "been added";
    return `${name} has ${what}`;
  });
  if (allow) {
    for (const note of notes) say(note);
    return;
  }
  const code = changed.some((name) => !/^(prompts|evaluation|stages|attribution)\./.test(name))
    ? "model"
    : "config";
  const message = `${run} began with another model, other prompts or other questions; put them back, or say --allow:`;
  throw new VisplayError(code, [message, ...notes].join("\n  "));
}
