import type { EpisodeEvent, ReasonerEpisode } from "../replay/events.ts";
import { decimal } from "./format.ts";

type Settings = Readonly<Record<string, unknown>>;

/** What a group of answers is rewarded for, for people: a label, where there is one, and the words around it. */
export interface RewardedFor {
  readonly before: string;
  readonly label: string | null;
  readonly after: string;
}

type Group = Pick<
  Extract<EpisodeEvent, ReasonerEpisode>,
  "stage" | "phase" | "role" | "label" | "confidence" | "rollouts"
>;

export function rewardedFor(config: unknown, group: Group): RewardedFor {
  const { stage, phase, role, label, confidence, rollouts } = group;
  const { kind } = settingsOf(config, stage, role);
  // In self-play, a trajectory is an answer that tools helped with.
  const isAnswer = phase === "reasoner";
  const acts =
    kind === "environment" || (!isAnswer && rollouts.some(({ trajectory }) => trajectory !== null));
  if (acts && label !== null)
    return { before: "rewarded by the environment; the label is ", label, after: "" };
  if (label === null) return { before: "rewarded by the environment", label, after: "" };
  const source =
    kind === "grpo" ? "which is the label" : `which ${decimal(100 * confidence, 0)}% of the votes said`;
  return { before: "rewarded for ", label, after: `, ${source}` };
}

/**
 * The settings by which a stage, by the name that it was recorded under, taught a policy: its own where it has some, else,
 * in self-play, those of the policy's role.
 */
export function settingsOf(config: unknown, stage: string, role: string): Settings {
  const { stages = [], ...groups } = (config ?? {}) as { readonly stages?: readonly Settings[] } & Settings;
  const seen = new Map<unknown, number>();
  for (const each of stages) {
    const times = (seen.get(each.kind) ?? 0) + 1;
    seen.set(each.kind, times);
    if (stage === (times === 1 ? each.kind : `${each.kind}${times}`)) return each;
  }
  return (groups[role] ?? {}) as Settings;
}
