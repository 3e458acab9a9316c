import { VisplayError } from "../../common/errors.ts";
import type { SamplingOptions } from "../port.ts";

export interface ChosenToken {
  readonly token: number;
  /** Of the token under the distribution at the temperature, before top-k and top-p. */
  readonly logProb: number;
}

/**
 * Draws one token from its probabilities at the temperature, whose sum may be off by rounding, with a uniform number in
 * [0, 1). Temperature 0 takes the most likely token, the first of equals; its probabilities are those at temperature 1.
 * Throws a `VisplayError` of code "numeric" where a probability is not a number.
 */
export function chooseToken(
  probabilities: Float32Array,
  { temperature, topK, topP }: Pick<SamplingOptions, "temperature" | "topK" | "topP">,
  uniform: number,
): ChosenToken {
  let best = 0;
  let sum = 0;
  for (let i = 0; i < probabilities.length; i++) {
    const probability = probabilities[i] as number;
    sum += probability;
    if (probability > (probabilities[best] as number)) best = i;
  }
  if (Number.isNaN(sum)) throw noNumbers();
  const truncated = (topK > 0 && topK < probabilities.length) || topP < 1;
  let token = best;
  if (temperature > 0)
    token = truncated
      ? drawAmong(probabilities, nucleus(probabilities, sum, topK, topP), uniform)
      : (draw(probabilities, sum, uniform) ?? best);
  return { token, logProb: Math.log((probabilities[token] as number) / sum) };
}

/** A token that a graph chose, with its probability; throws as `chooseToken` does. */
export function chosenToken(token: bigint, probability: number): ChosenToken {
  if (Number.isNaN(probability)) throw noNumbers();
  return { token: Number(token), logProb: Math.log(probability) };
}

function noNumbers(): VisplayError {
  return new VisplayError("numeric", "sampling: the model's logits are not numbers; its weights are damaged");
}

/** Walks the cumulative distribution to `uniform` of its mass; undefined where rounding leads beyond its end. */
function draw(weights: Float32Array, sum: number, uniform: number): number | undefined {
  let rest = uniform * sum;
  for (let i = 0; i < weights.length; i++) {
    rest -= weights[i] as number;
    if (rest < 0) return i;
  }
  return undefined;
}

function drawAmong(weights: Float32Array, candidates: readonly number[], uniform: number): number {
  const weight = (token: number): number => weights[token] as number;
  let rest = uniform * candidates.reduce((mass, token) => mass + weight(token), 0);
  for (const token of candidates) {
    rest -= weight(token);
    if (rest < 0) return token;
  }
  return candidates.at(-1) as number;
}

/**
 * The `topK` most likely tokens (0: all), of those the fewest, but one, whose probability reaches `topP`; of equals the
 * first.
 */
function nucleus(weights: Float32Array, sum: number, topK: number, topP: number): number[] {
  const ascending = weights.slice().sort();
  const rank = (place: number): number => ascending[weights.length - place] as number;
  const most = topK > 0 ? Math.min(topK, weights.length) : weights.length;
  let count = 1;
  for (let mass = rank(1); count < most && (topP >= 1 || mass < topP * sum); mass += rank(count)) count++;
  const least = rank(count);
  let equals = 0;
  while (equals < count && rank(count - equals) === least) equals++;
  const tokens: number[] = [];
  weights.forEach((weight, token) => {
    if (weight > least || (weight === least && equals-- > 0)) tokens.push(token);
  });
  return tokens;
}
