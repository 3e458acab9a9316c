import { type Checks, failedCheck, type GateEvidence, type GateThresholds, gate } from "./gate.ts";

/**
 * The Questioner's reward for one question: uncertain is good, but only if the question can be answered from
 * the image and isn't one of many alike.
 *
 * - `visplay`, the paper (arXiv 2511.15661): gate · ReLU((1 - |2c - 1|) - λ · share), times the share of the wanted form
 *   that the completion has, which is 1 where nothing had to be forgiven
 * - `visplay_code`, its public code: (min(c, 1 - c) if the question parses, else -1) - λ · share, ungated
 * - `format_only`, a control experiment: that share of the form alone, 0 where no question parses
 *
 * Beside it, `visplay` may pay for questions that need the image: gate · form · (… + μ · max(0, c(image) - c(blank))), how
 * much surer the majority is with the image than without it (EvoVid, arXiv 2605.21931, for destroyed evidence).
 *
 * c is the majority's share of the votes, share that of the question's cluster within its image. The public code
 * counts an answer that does not parse as the vote "None", which may be the majority; elsewhere it is no vote.
 *
 * Both are computed from counts, k of n votes: 1 - |2k - n| / n and min(k, n - k) / n are the same numbers for k
 * and n - k, so that a group whose votes are spread alike has equal rewards to the last bit, and teaches nothing.
 */
export const questionerRewardForms = ["visplay", "visplay_code", "format_only"] as const;
export type QuestionerRewardForm = (typeof questionerRewardForms)[number];

/** What is known about one question. */
export interface QuestionEvidence extends GateEvidence {
  readonly verdict:
    | (GateEvidence["verdict"] & {
        /** How often each answer was given, most frequent first. */
        readonly votes: readonly { readonly count: number }[];
      })
    | null;
  /** How much of the form that the prompt asks for the completion has, 0 to 1 (default 1). */
  readonly form?: number;
  /** Share of the question's cluster among the questions of its image, in (0, 1]. */
  readonly duplicateShare: number;
}

export interface QuestionerRewardOptions {
  readonly form: QuestionerRewardForm;
  /** λ: the weight of the duplicate share. */
  readonly lambda: number;
  /** μ: the weight of the evidence (default 0: none is paid, or recorded). */
  readonly evidenceWeight?: number;
  readonly thresholds: GateThresholds;
}

export interface QuestionerReward {
  readonly total: number;
  /** What the total is made of: `gate`, `form`, `uncertainty`, `confidence`, `duplicateShare`, `penalty`; where evidence is paid for, `evidence`, `bonus`. */
  readonly parts: Readonly<Record<string, number>>;
  readonly checks: Checks;
}

/** Scores one question; every part and every check is kept beside the total. */
export function questionerReward(
  evidence: QuestionEvidence,
  options: QuestionerRewardOptions,
): QuestionerReward {
  const checks = gate(evidence, options.thresholds);
  const { majority, votes } = countVotes(evidence.verdict, options.form);
  const passed = failedCheck(checks) === null ? 1 : 0;
  const uncertainty = votes === 0 ? 0 : 1 - Math.abs(2 * majority - votes) / votes;
  const penalty = options.lambda * evidence.duplicateShare;
  const minority = votes === 0 ? 0 : Math.min(majority, votes - majority) / votes;
  const form = evidence.parsed ? (evidence.form ?? 1) : 0;
  const paid = bonus(evidence, options);
  const totals: Record<QuestionerRewardForm, number> = {
    visplay: passed * form * (Math.max(0, uncertainty - penalty) + (paid?.bonus ?? 0)),
    visplay_code: (evidence.parsed ? minority : -1) - penalty,
    format_only: form,
  };
  const confidence = majority / Math.max(1, votes);
  return {
    total: totals[options.form],
    parts: {
      ...{ gate: passed, form, uncertainty, confidence, duplicateShare: evidence.duplicateShare, penalty },
      ...paid,
    },
    checks,
  };
}

/** Whether a form of the reward pays nothing for what the gate rejects. */
export function isGated(form: QuestionerRewardForm): boolean {
  return form === "visplay";
}

/** What a question that earned `reward` would have earned had the gate rejected it. */
export function rewardIfRejected(reward: number, form: QuestionerRewardForm): number {
  return isGated(form) ? 0 : reward;
}

/** What needing the image earns; null where nothing is paid for it. */
function bonus(
  { evidence }: QuestionEvidence,
  { form, evidenceWeight = 0 }: QuestionerRewardOptions,
): { readonly evidence: number; readonly bonus: number } | null {
  if (evidenceWeight === 0 || form !== "visplay") return null;
  const needed = Math.max(0, evidence ?? 0);
  return { evidence: needed, bonus: evidenceWeight * needed };
}

/** The majority's votes among all, as a form of the reward counts them. */
function countVotes(
  verdict: QuestionEvidence["verdict"],
  form: QuestionerRewardForm,
): { majority: number; votes: number } {
  if (!verdict) return { majority: 0, votes: 0 };
  const { votes, samples, parseFailures } = verdict;
  const majority = votes[0]?.count ?? 0;
  if (form !== "visplay_code") return { majority, votes: samples - parseFailures };
  return { majority: Math.max(majority, parseFailures), votes: samples };
}
