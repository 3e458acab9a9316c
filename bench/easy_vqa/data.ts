import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { packageRoot } from "../models.ts";
import { outputOf } from "../program.ts";

/** How the set's pictures are shared out, by number. A tenth for each of two stages with labels, and the others. */
const parts = {
  sft: ["train", "--to", "400"],
  grpo: ["train", "--from", "400", "--to", "800"],
  pictures: ["train", "--from", "800", "--unlabelled"],
  all: ["train"],
  test: ["test"],
} as const;

/** Folders of DATA. */
export type EasyVqa = Readonly<Record<keyof typeof parts, string>>;

/** The parts of easy-vqa in a folder, fetched with a Python's pip where they are not there yet. */
export async function easyVqa(python: string, folder: string): Promise<EasyVqa> {
  const names = Object.keys(parts) as (keyof typeof parts)[];
  const folders = names.map((name) => [name, join(folder, name)] as const);
  for (const [name, path] of folders) {
    if (existsSync(path)) continue;
    const partial = `${path}.tmp`;
    await rm(partial, { recursive: true, force: true });
    const script = join(packageRoot, "bench/easy_vqa/make_data.py");
    const [split, ...which] = parts[name];
    await outputOf(python, [script, await wheelIn(python, folder), split, partial, ...which]);
    await rename(partial, path);
  }
  return Object.fromEntries(folders) as EasyVqa;
}

async function wheelIn(python: string, folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const find = async () => (await readdir(folder)).find((name) => name.endsWith(".whl"));
  const wanted = ["--no-deps", "-d", folder, "easy-vqa==1.0"];
  if (!(await find())) await outputOf(python, ["-m", "pip", "download", "--quiet", ...wanted]);
  return join(folder, (await find()) ?? "");
}
