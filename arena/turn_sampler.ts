import type { Completion, Policy } from "../policy/port.ts";
import { sampleGroups } from "../policy/sample_groups.ts";
import type { Environment } from "../training/environment.ts";
import type { AskedTurn, SampleTurn } from "../training/rollout.ts";
import { type SamplingConfig, samplingOf } from "./config/learning.ts";

/** Completions of some prompts, [prompts][G]. */
type Call = (
  some: readonly AskedTurn[],
  seed: number,
  signal: AbortSignal | undefined,
) => Promise<(readonly Completion[])[]>;

/** Calls about all that is asked in a turn; what cannot be taken is null. */
type CallAbout = (
  asked: readonly AskedTurn[],
  turn: number,
  call: Call,
) => Promise<readonly (readonly Completion[] | null)[]>;

/** A policy speaks to all tasks that are still open in one call, which `callAbout` makes with a seed. */
export function turnSampler(
  policy: Policy,
  { stopTexts = [] }: Pick<Environment, "stopTexts">,
  { maxTurns, ...config }: SamplingConfig & { readonly maxTurns: number },
  callAbout: CallAbout,
): SampleTurn {
  const sampling = { ...samplingOf(config), goesOn: maxTurns > 1, stopTexts };
  return (asked, groupSize, turn) =>
    callAbout(asked, turn, async (some, seed, signal) => {
      const prompts = some.map(({ prompt }) => prompt);
      const groups = await sampleGroups(policy, prompts, { ...sampling, groupSize, seed }, signal);
      return groups.map(({ completions }) => completions);
    });
}
