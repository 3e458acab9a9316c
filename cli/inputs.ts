import { createHash } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Ports } from "../arena/ports.ts";
import { VisplayError } from "../common/errors.ts";
import { hashFile } from "../common/file_hash.ts";
import { bytes } from "./format.ts";
import type { WithModel } from "./model.ts";
import type { Earlier, Opening } from "./run_images.ts";

/** SHA-256 by name. */
type Hashes = Readonly<Record<string, string>>;

/**
 * Hashes of the base weights and all else in the model's folders that is read, and of the prompts. A large model takes
 * some seconds, and is said to.
 */
export async function inputsOf(
  { folder, base }: WithModel,
  templates: Ports["templates"],
  { signal, show }: Pick<Opening, "signal" | "show">,
): Promise<Hashes> {
  const hashes: Record<string, string> = {};
  const folders = folder === base ? { model: folder } : { model: folder, base };
  for (const [name, path] of Object.entries(folders))
    for (const file of (await readdir(path)).sort()) {
      signal.throwIfAborted();
      const found = await stat(join(path, file));
      if (!isRead(file) || !found.isFile()) continue;
      show(`hashing ${file}, ${bytes(found.size)}`);
      hashes[`${name}/${file}`] = (await hashFile(join(path, file))).digest("hex");
    }
  for (const [role, text] of Object.entries(templates))
    hashes[`prompts.${role}`] = createHash("sha256").update(text).digest("hex");
  return hashes;
}

function isRead(file: string): boolean {
  return /^[^.].*\.(json|jinja|safetensors|txt)$/.test(file);
}

/** Throws "model" or "config" where a run would go on with another model, other prompts or other questions, unless that is allowed. */
export function compareInputs(
  inputs: Hashes,
  { run, had, allow }: Earlier<Hashes>,
  say: (line: string) => void,
): void {
  if (had === null) return;
  const names = [...new Set([...Object.keys(had), ...Object.keys(inputs)])].sort();
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
  const code = changed.some((name) => !/^(prompts|evaluation|stages)\./.test(name)) ? "model" : "config";
  const message = `${run} began with another model, other prompts or other questions; put them back, or say --allow:`;
  throw new VisplayError(code, [message, ...notes].join("\n  "));
}
