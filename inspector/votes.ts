import type { AnswerRecord, TrajectoryRecord, VerdictRecord } from "../replay/events.ts";
import { decimal } from "./format.ts";

/** What one answer came to, beside the majority, or the label that it is rewarded by; of a trajectory, how it ended. */
export type Fate = "agree" | "disagree" | "abstain" | "unread";

export const fates: readonly Fate[] = ["agree", "disagree", "abstain", "unread"];

export const fateNames: Readonly<Record<Fate, string>> = {
  agree: "agrees",
  disagree: "disagrees",
  abstain: "abstains",
  unread: "no vote",
};

/** How a trajectory that was judged ended, in place of what an answer came to. */
function endOf({ end, success }: Pick<TrajectoryRecord, "end" | "success">): Fate {
  if (end === "fault") return "unread";
  if (end === "turns") return "abstain";
  return success ? "agree" : "disagree";
}

const endNames: Readonly<Record<Fate, string>> = {
  agree: "succeeds",
  disagree: "no success",
  abstain: "out of turns",
  unread: "fault",
};

type Judged = Pick<AnswerRecord, "outcome" | "vote"> & Partial<Pick<AnswerRecord, "trajectory">>;

/** What the fates of these answers, or trajectories, are called. */
export function fateNamesOf(answers: readonly Judged[]): Readonly<Record<Fate, string>> {
  return answers.some(({ trajectory }) => isJudged(trajectory)) ? endNames : fateNames;
}

/** Whether somebody knows how a trajectory did by itself: of votes, nobody does. */
function isJudged(trajectory: TrajectoryRecord | null | undefined): trajectory is TrajectoryRecord {
  return trajectory !== null && trajectory !== undefined && trajectory.success !== null;
}

export function fateOf({ outcome, vote, trajectory }: Judged, label: string | null): Fate {
  if (isJudged(trajectory)) return endOf(trajectory);
  if (outcome === "abstained") return vote === label ? "agree" : "abstain";
  if (vote === null) return "unread";
  return vote === label ? "agree" : "disagree";
}

export interface Cluster<A> {
  readonly vote: string;
  readonly fate: Fate;
  readonly answers: readonly A[];
}

/** Answers by their vote and what they came to, the commonest first, those that cast none last. */
export function clustersOf<A extends Judged>(answers: readonly A[], label: string | null): Cluster<A>[] {
  const clusters = new Map<string, { vote: string; fate: Fate; answers: A[] }>();
  for (const answer of answers) {
    const fate = fateOf(answer, label);
    const vote = answer.vote ?? answer.outcome;
    const key = `${fate} ${answer.vote === null} ${vote}`;
    const known = clusters.get(key);
    if (known) known.answers.push(answer);
    else clusters.set(key, { vote, fate, answers: [answer] });
  }
  const rank = ({ fate, answers: own }: Cluster<A>) => own.length - (fate === "unread" ? 1000 : 0);
  return [...clusters.values()].sort((a, b) => rank(b) - rank(a));
}

/** How many of some answers these are, and how many of them a tool verified. */
export function countText(own: readonly Pick<AnswerRecord, "verified">[], total: number): string {
  const verified = own.filter((answer) => answer.verified).length;
  return `${own.length} of ${total}${verified > 0 ? `, ${verified} verified` : ""}`;
}

/** The share of a verdict's votes that a tool verified; null where nothing could be called, or nobody cast a vote. */
export function verifiedShare({ verified, samples, parseFailures }: VerdictRecord): number | null {
  const cast = samples - parseFailures;
  return verified === null || cast === 0 ? null : verified / cast;
}

/** The same for people, behind other figures; empty where there is none. */
export function verifiedText(verdict: VerdictRecord): string {
  const share = verifiedShare(verdict);
  return share === null ? "" : `, ${decimal(100 * share, 0)}% verified by tools`;
}
