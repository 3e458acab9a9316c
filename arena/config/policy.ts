import type * as z from "zod";
import {
  type AdapterChoice,
  precisionChoices,
  type Resolution,
  type SamplingPrecision,
} from "../../policy/options.ts";
import {
  choice,
  flag,
  group,
  groupOrMain,
  number,
  optionalCount,
  optionalFlag,
  optionalText,
  type Settings,
  text,
} from "./setting.ts";

/** Which model is trained, and how much of a picture it sees. */
export interface ModelSettings extends Resolution {
  readonly name: string;
}

/** Which parameters are trained beside a model that stays as it is. */
export type AdapterSettings = Omit<AdapterChoice, "seed">;

/** What bounds the memory of an update. */
export interface MemoryConfig {
  readonly microBatchTokens: number | null;
  readonly recomputeActivations: boolean | null;
}

const adapterSettings: Settings<AdapterSettings> = {
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

export const model: z.ZodType<ModelSettings> = groupOrMain(
  "name",
  {
    name: text(
      "tiny",
      'a Hugging Face model folder, a hub name (owner/name@revision), or "tiny", the embedded one',
    ),
    maxPixels: optionalCount(
      "pixels to which a larger picture is scaled down before the model looks; fewer cost less; null: as the model's folder says",
    ),
    splitting: optionalFlag(
      "cut large pictures into tiles (SmolVLM, Idefics3); false shows one tile, the whole picture; null: as the folder says",
    ),
  },
  "the model that both policies start from; a text alone is its name",
);

export const adapter: z.ZodType<AdapterSettings> = group(
  adapterSettings,
  "low-rank adapters (LoRA) of both policies, beside one shared copy of the model",
);

export const sampling: z.ZodType<SamplingPrecision> = group(
  {
    precision: choice(
      precisionChoices,
      "auto",
      "numbers that decoding computes with: int8 rounds weights once and states token by token, and is then corrected for; auto takes it for a model of more than 64 MB on a processor with eight-bit dot products. Greedy answers are always of float32",
    ),
    importanceCap: number(
      3,
      "most that a token of int8 counts by its probability at the update over that at sampling, where a phase's own importanceCap is null",
      1e-3,
    ),
    maxGap: number(
      0.1,
      "mean difference of a step's log-probabilities at the update and at sampling with which a policy goes on in float32",
    ),
  },
  "how both policies decode what they sample",
);

export const memory: z.ZodType<MemoryConfig> = group(memorySettings, "memory of an update");
