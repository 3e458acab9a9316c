import type { Completion } from "../port.ts";

/** What was sampled, up to the token with which one of some texts is complete: an engine's stops are tokens alone. */
export function cutAtText<C extends Pick<Completion, "tokens" | "logProbs" | "finishReason">>(
  completion: C,
  texts: readonly string[],
  decode: (ids: Int32Array) => string,
): C {
  const { tokens } = completion;
  const isReached = (count: number): boolean => {
    const text = decode(tokens.subarray(0, count));
    return texts.some((each) => text.includes(each));
  };
  if (texts.length === 0 || !isReached(tokens.length)) return completion;
  let [before, reached] = [0, tokens.length];
  while (reached - before > 1) {
    const middle = (before + reached) >> 1;
    if (isReached(middle)) reached = middle;
    else before = middle;
  }
  return {
    ...completion,
    tokens: tokens.slice(0, reached),
    logProbs: completion.logProbs.slice(0, reached),
    finishReason: "stop",
  };
}
