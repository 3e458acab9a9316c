import type { CompletionRecord, EpisodeEvent, ReasonerRollout } from "../replay/events.ts";
import { settingsOf } from "./stage_settings.ts";

/** What the update makes of a group; see `training/grpo.ts`. */

export interface Taught {
  readonly completion: Pick<CompletionRecord, "finishReason">;
  /** Those of its tokens, each once. */
  readonly advantages: readonly number[];
}

/** Whether a completion that was cut off is masked out of the loss, by the run's configuration of a stage for a role. */
export function masksTruncated(
  config: unknown,
  { stage, role }: { readonly stage: string; readonly role: string },
): boolean {
  return settingsOf(config, stage, role).maskTruncated === true;
}

/** Which completions of a group the update learns from: none where no group member has anything to teach. */
export function learntFrom(group: readonly Taught[], masks: boolean): boolean[] {
  const isMasked = ({ completion }: Taught) => masks && completion.finishReason === "length";
  const teaches = group.some(
    (each) => each.advantages.some((advantage) => advantage !== 0) && !isMasked(each),
  );
  return group.map((each) => teaches && !isMasked(each));
}

/** The group's members as the update sees them; none where nothing is learnt. */
export function taughtBy(event: EpisodeEvent): Taught[] {
  if (event.type === "reasonerEpisode") {
    return event.rollouts.map((rollout) => ({ completion: rollout, advantages: advantagesOf(rollout) }));
  }
  if (event.type !== "questionerEpisode") return [];
  return event.rollouts.map(({ completion, advantage }) => ({ completion, advantages: [advantage] }));
}

function advantagesOf({ trajectory, advantage }: ReasonerRollout): number[] {
  const turns = trajectory?.turns ?? [];
  return turns.length === 0 ? [advantage] : turns.map((turn) => turn.advantage ?? advantage);
}
