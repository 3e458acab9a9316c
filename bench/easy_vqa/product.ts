import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { packageRoot } from "../models.ts";
import { outputOf } from "../program.ts";
import type { Prediction } from "./report.ts";

/** A configuration of this folder. */
export function configuration(name: "stages" | "supervised" | "test" | "grpo"): string {
  return join(packageRoot, "bench/easy_vqa", `${name}.yaml`);
}

/** Runs a command of the product to its end. */
export function visplay(...args: string[]): Promise<string> {
  return outputOf(process.execPath, [join(packageRoot, "dist/cli/main.js"), ...args]);
}

/** What a model answers to the first `limit` questions of DATA, which is kept in a file and not asked again. */
export async function predictions(
  model: string,
  data: string,
  limit: string,
  file: string,
): Promise<readonly Prediction[]> {
  const asked = ["--config", configuration("test"), "--data", data, "--limit", limit];
  if (!existsSync(file)) await visplay("eval", "--model", model, ...asked, "--out", file);
  const lines = (await readFile(file, "utf8")).trim().split("\n");
  return lines.map((line) => JSON.parse(line));
}
