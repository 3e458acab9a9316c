import { canTeach, type Group, type LessonOptions } from "./grpo.ts";

/** Groups to learn from, and what they were chosen among. */
export interface SampledGroups<G extends Group> {
  /** Those that teach, as they were sampled; at most as many as were wanted. */
  readonly groups: readonly G[];
  /** Those that others were sampled for: their rewards are all equal, or what differs has no part in the loss. */
  readonly replaced: readonly G[];
  /** Calls that sampled. */
  readonly calls: number;
}

/**
 * Dynamic sampling (DAPO 2503.14476, section 3.2): a group whose rollouts are rewarded alike teaches nothing, so another is
 * sampled in its place, until as many as wanted teach, or `next` was called `limit` times, or has no more. `next` is told
 * how many are missing, and may give more or fewer; what is more than wanted is left out.
 */
export async function sampleTeaching<G extends Group>(
  next: (missing: number) => Promise<readonly G[]>,
  wanted: number,
  limit: number,
  options: LessonOptions,
): Promise<SampledGroups<G>> {
  const groups: G[] = [];
  const replaced: G[] = [];
  let calls = 0;
  while (groups.length < wanted && calls < limit) {
    const sampled = await next(wanted - groups.length);
    calls++;
    if (sampled.length === 0) break;
    for (const group of sampled) (canTeach(group, options) ? groups : replaced).push(group);
  }
  return { groups: groups.slice(0, wanted), replaced, calls };
}
