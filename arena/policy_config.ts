import type * as z from "zod";
import { flag, group, number, optionalCount, optionalFlag, optionalText, type Settings } from "./setting.ts";

/** Which parameters are trained beside a model that stays as it is. */
export interface AdapterConfig {
  readonly rank: number | null;
  readonly alpha: number;
  readonly rankStabilized: boolean;
  readonly layers: string | null;
}

/** What bounds the memory of an update. */
export interface MemoryConfig {
  readonly microBatchTokens: number | null;
  readonly recomputeActivations: boolean | null;
}

const adapterSettings: Settings<AdapterConfig> = {
  rank: optionalCount(
    "rank of the adapters; 0 trains the parameters themselves, null means 16 for a model of more than 64 MB and 0 for any other",
    0,
  ),
  alpha: number(32, "adapters are scaled by alpha / rank"),
  rankStabilized: flag(false, "scale by alpha / √rank instead (rsLoRA)"),
  layers: optionalText(
    "a regular expression for the names of the linear layers that have adapters; null: those of the text model",
  ),
};

const memorySettings: Settings<MemoryConfig> = {
  microBatchTokens: optionalCount(
    "padded tokens of one micro-batch of an update; null takes as many as fit into one to two gigabytes",
  ),
  recomputeActivations: optionalFlag(
    "compute the text model's layers again in the backward pass instead of keeping what they computed; null: where a group of completions is too large otherwise",
  ),
};

export const adapter: z.ZodType<AdapterConfig> = group(
  adapterSettings,
  "low-rank adapters (LoRA) of both policies, beside one shared copy of the model",
);

export const memory: z.ZodType<MemoryConfig> = group(memorySettings, "memory of an update");
