import { sizeOf } from "../../autodiff/tensor_type.ts";
import type { ModelConfig } from "../models/vision_language_model.ts";

/** Models whose weights take no more bytes than this, in 32 bits, are small. */
const smallModelBytes = 64 * 2 ** 20;
/** Padded tokens that one micro-batch holds at most. */
export const mostMicroBatchTokens = 4096;
const fewestTokens = 64;
/** Memory that one micro-batch of a large model may take. */
const activationBytes = 1.5 * 2 ** 30;

/** Whether a model's operators are long enough for several threads, and its weights too large for several copies. */
export function isLarge(weights: Iterable<{ readonly shape: readonly number[] }>): boolean {
  let bytes = 0;
  for (const { shape } of weights) bytes += 4 * sizeOf(shape);
  return bytes > smallModelBytes;
}

/**
 * Padded tokens of one micro-batch that keep its memory within bounds: what each layer keeps of a token, about twelve
 * hidden states and five of the MLP (one hidden state where layers are computed again), and three rows of logits.
 */
export function affordableTokens({ text }: ModelConfig, recomputes: boolean): number {
  const perLayer = recomputes ? text.hiddenSize : 12 * text.hiddenSize + 5 * text.intermediateSize;
  const bytes = 4 * (text.layers * perLayer + 3 * text.vocabSize);
  return Math.min(mostMicroBatchTokens, Math.max(fewestTokens, Math.floor(activationBytes / bytes)));
}

/** Floating-point operations of one run: two seconds of two cores. A run cannot be interrupted, and a stop waits for it. */
const runOperations = 2e11;
/** With fewer tokens, a run would mostly read weights. */
const fewestForwardTokens = 256;

/** Padded tokens of one run that only goes forward. */
export function forwardTokens({ text }: ModelConfig): number {
  const perLayer = text.hiddenSize * (4 * text.hiddenSize + 3 * text.intermediateSize);
  const fitting = Math.floor(runOperations / (2 * text.layers * perLayer));
  return Math.min(mostMicroBatchTokens, Math.max(fewestForwardTokens, fitting));
}
