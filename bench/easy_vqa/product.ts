import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
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

/** The folder of an untrained model, made where it is missing: small enough to look at many pictures in an hour. */
export async function untrained(data: string, folder: string, seed: number): Promise<string> {
  const sizes = ["--also", "thinking", "--hidden", "64", "--layers", "2"];
  if (!existsSync(join(folder, "model.safetensors")))
    await visplay("new-model", "--data", data, ...sizes, "--out", folder, "--seed", `${seed}`);
  return folder;
}

/** Steps of imitation after which many of a model's samples are still wrong. */
const fewSteps = 60;

/** A model that imitated the answers of DATA for a few steps, made in a folder where it is missing. */
export async function shortlyTaught(data: string, folder: string, seed: number): Promise<string> {
  await mkdir(folder, { recursive: true });
  const model = await untrained(data, join(folder, "model"), seed);
  const run = join(folder, "base");
  const begin = ["--config", configuration("supervised"), "--model", model, "--seed", `${seed}`];
  const short = [`stages.0.data=${data}`, `stages.0.steps=${fewSteps}`, "stages.0.schedule=constant"];
  if (!existsSync(join(run, "round-1"))) await visplay("train", ...begin, "--out", run, ...set(short));
  return join(run, "round-1/reasoner");
}

/** Settings as options of a command. */
export function set(settings: readonly string[]): string[] {
  return settings.flatMap((setting) => ["--set", setting]);
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
