import { sameVote, trueLabel } from "../reasoner/vote.ts";
import type { GateAudit, QuestionerAudited, QuestionerEpisode, QuestionerRollout } from "../replay/events.ts";
import { failedCheck } from "../rewards/gate.ts";
import { isGated, type QuestionerRewardForm, rewardIfRejected } from "../rewards/questioner.ts";
import { noPairs, type RatioSums, ratioOf, withPair } from "./statistics.ts";
import type { Truth } from "./truth.ts";

/** What the gate let pass of some questions, held against the truth. */
export interface GateCounts {
  /** Questions that were rewarded, and those of them that passed. */
  readonly rewarded: number;
  readonly passed: number;
  /** Those that passed and mean nothing, or whose silver answer is another than the true one. */
  readonly meaningless: number;
  readonly wrong: number;
  /** The rewards, and what they would be had the gate rejected these. */
  readonly reward: number;
  readonly auditedReward: number;
}

/** The counts of a phase so far, and, of the questions about one image, which depend on each other, their spread. */
export interface GateSums extends GateCounts {
  /** False accepts among what passed, and the rewards for them among all. */
  readonly accepts: RatioSums;
  readonly rewards: RatioSums;
}

const nothing: GateCounts = { rewarded: 0, passed: 0, meaningless: 0, wrong: 0, reward: 0, auditedReward: 0 };

/** Nothing was asked yet. */
export const noGateSums: GateSums = { ...nothing, accepts: noPairs, rewards: noPairs };

/** What the gate let pass of the questions about one image. */
export function gateCounts(
  { image, rollouts }: Pick<QuestionerEpisode, "image" | "rollouts">,
  form: QuestionerRewardForm,
  truth: Truth,
): GateCounts {
  return rollouts.reduce((counts, rollout) => {
    const { reward } = rollout;
    if (reward === null) return counts;
    const isPassed = failedCheck(rollout.checks) === null;
    const fault = isPassed ? faultOf(rollout, image.index, truth) : null;
    return {
      rewarded: counts.rewarded + 1,
      passed: counts.passed + Number(isPassed),
      meaningless: counts.meaningless + Number(fault === "meaningless"),
      wrong: counts.wrong + Number(fault === "wrong"),
      reward: counts.reward + reward,
      auditedReward: counts.auditedReward + (fault === null ? reward : rewardIfRejected(reward, form)),
    };
  }, nothing);
}

/** Why a question should not have passed; null for one that should. */
function faultOf(
  { question, verdict }: Pick<QuestionerRollout, "question" | "verdict">,
  image: number,
  truth: Truth,
): "meaningless" | "wrong" | null {
  const answer = question === null ? null : truth.answer(image, question);
  if (question === null || answer === null) return "meaningless";
  return sameVote(verdict?.silver ?? null, trueLabel(question, answer)) ? null : "wrong";
}

/** What a step's counts come to. */
export function gateAudit(images: readonly GateCounts[]): GateAudit {
  const { rewarded, passed, meaningless, wrong, auditedReward } = images.reduce(added, nothing);
  return { passed, meaningless, wrong, auditedReward: auditedReward / Math.max(1, rewarded) };
}

/** With the questions about one more image. */
export function withImage(sums: GateSums, counts: GateCounts): GateSums {
  const { passed, meaningless, wrong, reward, auditedReward } = counts;
  return {
    ...added(sums, counts),
    accepts: withPair(sums.accepts, meaningless + wrong, passed),
    rewards: withPair(sums.rewards, reward - auditedReward, reward),
  };
}

/** What a phase's sums come to. */
export function auditedEvent(sums: GateSums, round: number, form: QuestionerRewardForm): QuestionerAudited {
  const { rewarded, passed, meaningless, wrong, reward, auditedReward, accepts, rewards } = sums;
  return {
    ...{ type: "questionerAudited", round, phase: "questioner" },
    ...{ questions: rewarded, passed, meaningless, wrong },
    falseAccepts: passed === 0 ? null : ratioOf(accepts),
    reward: rewarded === 0 ? null : reward / rewarded,
    auditedReward: rewarded === 0 ? null : auditedReward / rewarded,
    unearned: isGated(form) && reward > 0 ? ratioOf(rewards) : null,
  };
}

function added(sums: GateCounts, more: GateCounts): GateCounts {
  return {
    rewarded: sums.rewarded + more.rewarded,
    passed: sums.passed + more.passed,
    meaningless: sums.meaningless + more.meaningless,
    wrong: sums.wrong + more.wrong,
    reward: sums.reward + more.reward,
    auditedReward: sums.auditedReward + more.auditedReward,
  };
}
