/** How a policy steps: AdamW. */
export interface OptimizerOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /** Gradients are scaled down to this global norm; null leaves them. */
  readonly maxGradientNorm: number | null;
}

/** The low-rank adapters (LoRA) of a model's linear layers. */
export interface AdapterKind {
  readonly rank: number;
  readonly alpha: number;
  /** Whether the scale is alpha / √rank (rsLoRA, 2312.03732) instead of alpha / rank. */
  readonly rankStabilized: boolean;
}

/** How new adapters are made. */
export interface AdapterOptions extends AdapterKind {
  /** A regular expression that the names of adapted linear layers match; null: those of the text model. */
  readonly layers: string | null;
  readonly seed: number;
}

/** The same where the model's size may choose the rank. */
export interface AdapterChoice extends Omit<AdapterOptions, "rank"> {
  /** 0 makes no adapters; null: those of a large model, with rank 16. */
  readonly rank: number | null;
}

/** Numbers that a policy decodes with: its own, or weights and states that are rounded to bytes. */
export type Precision = "float32" | "int8";

/** The same, where the model's size and the processor may choose. */
export const precisionChoices = ["auto", "float32", "int8"] as const;

/** How a policy decodes what it samples, and what keeps that honest where it is not as it learns. */
export interface SamplingPrecision {
  /** Greedy choices are always made in float32. */
  readonly precision: (typeof precisionChoices)[number];
  /** Of an update that says none, where the precision is not float32. */
  readonly importanceCap: number;
  /** With a larger mean difference of a step's log-probabilities, all is sampled in float32 from then on. */
  readonly maxGap: number;
}

/** How much of a picture a model sees, where a user asks for other than its folder says. */
export interface Resolution {
  /** Pixels to which a larger picture is scaled down; null: as the folder says. */
  readonly maxPixels: number | null;
  /** Whether large pictures are cut into tiles, where the model can; null: as the folder says. */
  readonly splitting: boolean | null;
}

/** As a model's folder says. */
export const publishedResolution: Resolution = { maxPixels: null, splitting: null };

/** What a loss does with a token's ratio, and how it averages over tokens and completions (see `grpoLoss`). */
export const losses = ["grpo", "bnpo", "dr_grpo", "dapo", "cispo", "gspo"] as const;
export type Loss = (typeof losses)[number];

/** How far a probability ratio counts: from 1 - clipLow to 1 + clipHigh. */
export interface Clip {
  readonly clipLow: number;
  readonly clipHigh: number;
}

const clipOfTokens: Clip = { clipLow: 0.2, clipHigh: 0.3 };

/**
 * What each loss was published with, DAPO's a little wider. CISPO has no lower clip, and of its cap ScaleRL (2510.13786)
 * found 5 best; GSPO's ratio, a mean over a completion, moves far less than that of a token.
 */
export const usualClip: Readonly<Record<Loss, Clip>> = {
  grpo: clipOfTokens,
  bnpo: clipOfTokens,
  dr_grpo: clipOfTokens,
  dapo: clipOfTokens,
  cispo: { clipLow: 1, clipHigh: 4 },
  gspo: { clipLow: 3e-4, clipHigh: 4e-4 },
};
