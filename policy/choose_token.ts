import { VisplayError } from "../common/errors.ts";
import type { SamplingOptions } from "./policy.ts";

export interface Choice {
  readonly token: number;
  /** Of the token under the distribution at the temperature, before top-k and top-p. */
  readonly logProb: number;
}

/**
 * Draws one token from a row of logits with a uniform number in [0, 1). Temperature 0 takes the most likely
 * token (the first of equals) and reports its log-probability at temperature 1. Throws a `VisplayError` of code
 * "numeric" where a logit is not a number.
 */
export function chooseToken(
  logits: Float32Array,
  { temperature, topK, topP }: Pick<SamplingOptions, "temperature" | "topK" | "topP">,
  uniform: number,
): Choice {
  const greedy = temperature === 0;
  const inverse = greedy ? 1 : 1 / temperature;
  let best = 0;
  for (let i = 1; i < logits.length; i++) if ((logits[i] as number) > (logits[best] as number)) best = i;
  const peak = (logits[best] as number) * inverse;
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp((logits[i] as number) * inverse - peak);
  if (Number.isNaN(sum))
    throw new VisplayError(
      "numeric",
      "sampling: the model's logits are not numbers; its weights are damaged",
    );
  const logSum = peak + Math.log(sum);
  const logProb = (token: number): number => (logits[token] as number) * inverse - logSum;
  if (greedy) return { token: best, logProb: logProb(best) };
  const truncated = (topK > 0 && topK < logits.length) || topP < 1;
  const candidates = truncated ? nucleus(logits, inverse, logSum, topK, topP) : null;
  const token = draw(logits, inverse, peak, candidates, uniform, sum) ?? best;
  return { token, logProb: logProb(token) };
}

/** Walks the cumulative distribution to `uniform` of its mass. */
function draw(
  logits: Float32Array,
  inverse: number,
  peak: number,
  candidates: readonly number[] | null,
  uniform: number,
  sum: number,
): number | undefined {
  const weight = (token: number): number => Math.exp((logits[token] as number) * inverse - peak);
  if (candidates === null) {
    let rest = uniform * sum;
    for (let i = 0; i < logits.length; i++) {
      rest -= weight(i);
      if (rest < 0) return i;
    }
    return undefined;
  }
  let rest = uniform * candidates.reduce((mass, token) => mass + weight(token), 0);
  for (const token of candidates) {
    rest -= weight(token);
    if (rest < 0) return token;
  }
  return candidates.at(-1);
}

/** The `topK` most likely tokens, of those the fewest whose probability reaches `topP`. */
function nucleus(
  logits: Float32Array,
  inverse: number,
  logSum: number,
  topK: number,
  topP: number,
): number[] {
  const order = Array.from(logits.keys()).sort(
    (a, b) => (logits[b] as number) - (logits[a] as number) || a - b,
  );
  if (topK > 0) order.length = Math.min(order.length, topK);
  if (topP >= 1) return order;
  let mass = 0;
  let kept = 0;
  while (kept < order.length && mass < topP) {
    mass += Math.exp((logits[order[kept] as number] as number) * inverse - logSum);
    kept++;
  }
  return order.slice(0, Math.max(1, kept));
}
