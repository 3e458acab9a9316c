import { type Checks, failedCheck, type GateEvidence, type GateThresholds, gate } from "./gate.ts";

/**
 * The Questioner's reward for one question: uncertain is good, but only if the question can be answered from
 * the image and isn't one of many alike.
 *
 * - `visplay`, the paper (arXiv 2511.15661): gate · ReLU((1 - |2c - 1|) - λ · share)
 * - `visplay_code`, its public code: (min(c, 1 - c) if the question parses, else -1) - λ · share, ungated
 * - `format_only`, a control experiment: 1 if the question parses, else 0
 *
 * c is the majority's share of the votes, share that of the question's cluster within its image.
 */
export type QuestionerRewardForm = "visplay" | "visplay_code" | "format_only";

/** What is known about one question. */
export interface QuestionEvidence extends GateEvidence {
  readonly verdict:
    | (GateEvidence["verdict"] & {
        /** Share of the majority among the votes, in [0, 1]; 0 without votes. */
        readonly confidence: number;
      })
    | null;
  /** Share of the question's cluster among the questions of its image, in (0, 1]. */
  readonly duplicateShare: number;
}

export interface QuestionerRewardOptions {
  readonly form: QuestionerRewardForm;
  /** λ: the weight of the duplicate share. */
  readonly lambda: number;
  readonly thresholds: GateThresholds;
}

export const defaultQuestionerReward: QuestionerRewardOptions = {
  form: "visplay",
  lambda: 1,
  thresholds: { parse: 0.5, abstention: 0.25, blind: 0.5, support: null, grounding: null },
};

export interface QuestionerReward {
  readonly total: number;
  /** What the total is made of: `gate`, `uncertainty`, `confidence`, `duplicateShare`, `penalty`. */
  readonly parts: Readonly<Record<string, number>>;
  readonly checks: Checks;
}

/** Scores one question; every part and every check is kept beside the total. */
export function questionerReward(
  evidence: QuestionEvidence,
  options: QuestionerRewardOptions = defaultQuestionerReward,
): QuestionerReward {
  const checks = gate(evidence, options.thresholds);
  const confidence = evidence.verdict?.confidence ?? 0;
  const passed = failedCheck(checks) === null ? 1 : 0;
  const uncertainty = 1 - Math.abs(2 * confidence - 1);
  const penalty = options.lambda * evidence.duplicateShare;
  const totals: Record<QuestionerRewardForm, number> = {
    visplay: passed * Math.max(0, uncertainty - penalty),
    visplay_code: (evidence.parsed ? Math.min(confidence, 1 - confidence) : -1) - penalty,
    format_only: evidence.parsed ? 1 : 0,
  };
  return {
    total: totals[options.form],
    parts: { gate: passed, uncertainty, confidence, duplicateShare: evidence.duplicateShare, penalty },
    checks,
  };
}
