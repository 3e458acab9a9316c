import type { Completion, Policy, Prompt, SamplingOptions } from "./port.ts";

/** A prompt and what was sampled from it, [G]. */
export interface SampledGroup<P extends Prompt = Prompt> {
  readonly prompt: P;
  readonly completions: readonly Completion[];
}

/** Samples G completions of each prompt. Throws a `RangeError` where a policy gives another number. */
export async function sampleGroups<P extends Prompt>(
  policy: Policy,
  prompts: readonly P[],
  options: SamplingOptions,
  signal?: AbortSignal,
): Promise<SampledGroup<P>[]> {
  const sampled = await policy.sample(prompts, options, signal);
  return prompts.map((prompt, i) => {
    const completions = sampled[i];
    if (completions?.length === options.groupSize) return { prompt, completions };
    throw new RangeError(`prompt ${i}: ${completions?.length ?? 0} of ${options.groupSize} completions`);
  });
}
