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

/**
 * What a question must pass, measured so that every value lies on a scale of its own:
 * - `format`: 1 if the question parses; at least the threshold
 * - `parse`: share of the answers that parse; at least
 * - `abstention`: share of the parsed answers that say "unanswerable"; at most
 * - `blind`: share of the blind answers' majority where it equals the sighted one; at most
 * - `support`: votes for the asker's own answer; at least
 * - `grounding`: share of what the question names that was found in the image; at least
 */
export type CheckName = "format" | "parse" | "abstention" | "blind" | "support" | "grounding";

export interface Check {
  readonly passed: boolean;
  readonly value: number;
  readonly threshold: number;
}

/** What is known about one question. Optional measurements are null where nobody made them. */
export interface QuestionEvidence {
  /** Whether the Questioner's completion held a question. */
  readonly parsed: boolean;
  /** What the Reasoner's answers amount to; null if it was not asked. */
  readonly verdict: {
    /** Share of the majority among the votes, in [0, 1]; 0 without votes. */
    readonly confidence: number;
    /** All answers, parsed or not. */
    readonly samples: number;
    readonly abstentions: number;
    readonly parseFailures: number;
  } | null;
  /** Share of the question's cluster among the questions of its image, in (0, 1]. */
  readonly duplicateShare: number;
  /** Share of the blind answers' majority if it equals the sighted majority, else 0. */
  readonly blindAgreement?: number | null;
  /** Votes for the asker's own answer; 0 if it gave none. */
  readonly support?: number | null;
  /** Share of what the question names that was found in the image, in [0, 1]. */
  readonly grounding?: number | null;
}

export interface QuestionerRewardOptions {
  readonly form: QuestionerRewardForm;
  /** λ: the weight of the duplicate share. */
  readonly lambda: number;
  /** The gate; null switches a check off. */
  readonly thresholds: Readonly<Record<Exclude<CheckName, "format">, number | null>>;
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
  /** The checks that are switched on and were measured; the gate is 1 if all of them passed. */
  readonly checks: Readonly<Partial<Record<CheckName, Check>>>;
}

/** Scores one question; every part and every check is kept beside the total. */
export function questionerReward(
  evidence: QuestionEvidence,
  options: QuestionerRewardOptions = defaultQuestionerReward,
): QuestionerReward {
  const checks = measure(evidence, options);
  const confidence = evidence.verdict?.confidence ?? 0;
  const gate = Object.values(checks).every((check) => check.passed) ? 1 : 0;
  const uncertainty = 1 - Math.abs(2 * confidence - 1);
  const penalty = options.lambda * evidence.duplicateShare;
  const totals: Record<QuestionerRewardForm, number> = {
    visplay: gate * Math.max(0, uncertainty - penalty),
    visplay_code: (evidence.parsed ? Math.min(confidence, 1 - confidence) : -1) - penalty,
    format_only: evidence.parsed ? 1 : 0,
  };
  return {
    total: totals[options.form],
    parts: { gate, uncertainty, confidence, duplicateShare: evidence.duplicateShare, penalty },
    checks,
  };
}

/** Checks whose value must not exceed the threshold; the others must reach it. */
const upperBounds: ReadonlySet<CheckName> = new Set(["abstention", "blind"]);

function measure(evidence: QuestionEvidence, options: QuestionerRewardOptions): QuestionerReward["checks"] {
  const { verdict } = evidence;
  const answered = verdict ? verdict.samples - verdict.parseFailures : 0;
  const values: Record<CheckName, number | null> = {
    format: evidence.parsed ? 1 : 0,
    parse: verdict && answered / Math.max(1, verdict.samples),
    abstention: verdict && verdict.abstentions / Math.max(1, answered),
    blind: evidence.blindAgreement ?? null,
    support: evidence.support ?? null,
    grounding: evidence.grounding ?? null,
  };
  const thresholds: Record<CheckName, number | null> = { format: 1, ...options.thresholds };
  const checks: Partial<Record<CheckName, Check>> = {};
  for (const name of Object.keys(values) as CheckName[]) {
    const value = values[name];
    const threshold = thresholds[name];
    if (value === null || threshold === null) continue;
    checks[name] = {
      passed: upperBounds.has(name) ? value <= threshold : value >= threshold,
      value,
      threshold,
    };
  }
  return checks;
}
