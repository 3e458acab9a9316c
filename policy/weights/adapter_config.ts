import { join, resolve } from "node:path";
import { VisplayError } from "../../common/errors.ts";
import { exists, readModelJson } from "../model_files.ts";
import type { ParameterSpec } from "../models/vision_language_model.ts";
import type { AdapterKind } from "../options.ts";
import { writeModelFile } from "./model_weights.ts";

const fileName = "adapter_config.json";
const maxRank = 4096;

/** What multiplies B A. */
export function adapterScale({ rank, alpha, rankStabilized }: AdapterKind): number {
  return alpha / (rankStabilized ? Math.sqrt(rank) : rank);
}

/** Whether a folder holds a PEFT adapter rather than a model. */
export function isAdapterFolder(folder: string): Promise<boolean> {
  return exists(join(folder, fileName));
}

/**
 * Reads PEFT's adapter_config.json. Throws a `VisplayError` of code "model" where it describes anything but plain LoRA
 * on linear layers.
 */
export async function readAdapterConfig(folder: string): Promise<AdapterKind & { readonly base: string }> {
  const fields = await readModelJson(join(folder, fileName));
  fields.oneOf("peft_type", ["LORA"]);
  fields.oneOf("bias", ["none"], "none");
  for (const key of ["use_dora", "lora_bias", "fan_in_fan_out"]) fields.oneOf(key, [false], false);
  for (const key of ["modules_to_save", "layer_replication", "rank_pattern", "alpha_pattern"])
    if (Object.keys(fields.get(key) ?? {}).length > 0) throw fields.error(key, "nothing: plain LoRA");
  const base = fields.get("base_model_name_or_path");
  if (typeof base !== "string" || base === "")
    throw fields.error("base_model_name_or_path", "the model that it adapts");
  return {
    rank: fields.integer("r", { default: 8, min: 1, max: maxRank }),
    alpha: fields.number("lora_alpha", { default: 8, min: 0, max: 1e6 }),
    rankStabilized: fields.boolean("use_rslora", false),
    base: (await exists(join(folder, base))) ? resolve(folder, base) : base,
  };
}

/**
 * Writes PEFT's adapter_config.json for layers that are named as PEFT sees them. Throws a `VisplayError` of code
 * "disk" where it cannot.
 */
export async function writeAdapterConfig(
  folder: string,
  { rank, alpha, rankStabilized }: AdapterKind,
  base: string,
  targets: string,
): Promise<void> {
  const config = {
    peft_type: "LORA",
    task_type: "CAUSAL_LM",
    base_model_name_or_path: base,
    r: rank,
    lora_alpha: alpha,
    lora_dropout: 0,
    bias: "none",
    target_modules: targets,
    modules_to_save: null,
    use_rslora: rankStabilized,
    use_dora: false,
    fan_in_fan_out: false,
    inference_mode: true,
  };
  await writeModelFile(join(folder, fileName), config);
}

/** The linear layers of a model, which can have adapters. */
export function linearLayers(
  specs: readonly ParameterSpec[],
): (ParameterSpec & { readonly layer: string })[] {
  return specs.flatMap((spec) => {
    const linear = spec.shape.length === 2 && !/embed|lm_head/.test(spec.name);
    return linear ? [{ ...spec, layer: spec.name.replace(/\.weight$/, "") }] : [];
  });
}

/**
 * The linear layers that a regular expression matches somewhere, by default those of the text model. Throws a
 * `VisplayError` of code "config" where there are none.
 */
export function adaptedLayers(specs: readonly ParameterSpec[], pattern: string | null): string[] {
  const all = linearLayers(specs);
  const expression = pattern === null ? null : regularExpression(pattern);
  const chosen = all.filter(({ group, layer }) => expression?.test(layer) ?? group === "text");
  if (chosen.length === 0)
    throw new VisplayError(
      "config",
      `adapter.layers: ${pattern} matches none of the model's linear layers, such as ${all[0]?.layer}`,
    );
  return chosen.map(({ layer }) => layer);
}

function regularExpression(pattern: string): RegExp {
  try {
    return new RegExp(pattern);
  } catch (cause) {
    throw new VisplayError("config", `adapter.layers: ${(cause as Error).message}`, { cause });
  }
}

/** A regular expression that matches just `chosen` among `all` names: numbers are left open where that is the same. */
export function targetPattern(chosen: readonly string[], all: readonly string[]): string {
  const literal = (name: string) => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const open = [...new Set(chosen.map((name) => literal(name).replace(/\d+/g, "\\d+")))].join("|");
  const matched = all.filter((name) => new RegExp(`^(${open})$`).test(name));
  return matched.length === chosen.length ? `(${open})` : `(${chosen.map(literal).join("|")})`;
}
