import type { Completion, Policy, Prompt, SamplingOptions } from "./port.ts";

/** A prompt and what was sampled from it, [G]. */
export interface SampledGroup {
  readonly prompt: Prompt;
  readonly completions: readonly Completion[];
}

/** Samples G completions of each prompt. Throws a `RangeError` where a policy gives another number. */
export async function sampleGroups(
  policy: Policy,
  prompts: readonly Prompt[],
  options: SamplingOptions,
  signal?: AbortSignal,
): Promise<SampledGroup[]> {
  const sampled = await policy.sample(prompts, options, signal);
  return prompts.map((prompt, i) => {
    const completions = sampled[i];
    if (completions?.length === options.groupSize) return { prompt, completions };
    throw new RangeError(`prompt ${i}: ${completions?.length ?? 0} of ${options.groupSize} completions`);
  });
}
