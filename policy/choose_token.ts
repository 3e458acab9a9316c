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
  const weights = scratch(logits.length);
  let sum = 0;
  for (let i = 0; i < logits.length; i++) {
    const weight = Math.exp((logits[i] as number) * inverse - peak);
    weights[i] = weight;
    sum += weight;
  }
  if (Number.isNaN(sum))
    throw new VisplayError(
      "numeric",
      "sampling: the model's logits are not numbers; its weights are damaged",
    );
  const logProb = (token: number): number => (logits[token] as number) * inverse - peak - Math.log(sum);
  if (greedy) return { token: best, logProb: logProb(best) };
  const truncated = (topK > 0 && topK < logits.length) || topP < 1;
  const token = truncated
    ? drawAmong(weights, nucleus(logits, weights, sum, topK, topP), uniform)
    : (draw(weights, sum, uniform) ?? best);
  return { token, logProb: logProb(token) };
}

let kept = new Float64Array();

/** Memory for one row of classes, overwritten by the next call. */
function scratch(classes: number): Float64Array {
  if (kept.length < classes) kept = new Float64Array(classes);
  return kept.subarray(0, classes);
}

/** Walks the cumulative distribution to `uniform` of its mass; undefined where rounding leads beyond its end. */
function draw(weights: Float64Array, sum: number, uniform: number): number | undefined {
  let rest = uniform * sum;
  for (let i = 0; i < weights.length; i++) {
    rest -= weights[i] as number;
    if (rest < 0) return i;
  }
  return undefined;
}

function drawAmong(weights: Float64Array, candidates: readonly number[], uniform: number): number {
  const weight = (token: number): number => weights[token] as number;
  let rest = uniform * candidates.reduce((mass, token) => mass + weight(token), 0);
  for (const token of candidates) {
    rest -= weight(token);
    if (rest < 0) return token;
  }
  return candidates.at(-1) as number;
}

/** The `topK` most likely tokens, of those the fewest whose probability reaches `topP`. */
function nucleus(
  logits: Float32Array,
  weights: Float64Array,
  sum: number,
  topK: number,
  topP: number,
): number[] {
  const order = Array.from(logits.keys()).sort(
    (a, b) => (logits[b] as number) - (logits[a] as number) || a - b,
  );
  if (topK > 0) order.length = Math.min(order.length, topK);
  if (topP >= 1) return order;
  let mass = 0;
  let count = 0;
  while (count < order.length && mass < topP * sum) {
    mass += weights[order[count] as number] as number;
    count++;
  }
  return order.slice(0, Math.max(1, count));
}
