/**
 * What a question must pass, measured so that every value lies on a scale of its own:
 * - `format`: 1 if the question parses; at least the threshold
 * - `parse`: share of the answers that parse; at least
 * - `votes`: answers that parse; at least
 * - `abstention`: share of the parsed answers that say "unanswerable"; at most
 * - `blind`: share of the blind answers' majority where it equals the sighted one; at most
 * - `evidence`: how much surer the sighted majority is with the image than without it; at least
 * - `support`: votes for the asker's own answer; at least
 * - `confidence`: the majority's share of the parsed answers; at least
 * - `described`: 1 if a description of the image alone leads to the same answer; at least
 */
export type CheckName =
  | "format"
  | "parse"
  | "votes"
  | "abstention"
  | "blind"
  | "evidence"
  | "support"
  | "confidence"
  | "described";

export interface Check {
  readonly passed: boolean;
  readonly value: number;
  readonly threshold: number;
}

/** The checks that are switched on and were measured; a question passes the gate if all of them passed. */
export type Checks = Readonly<Partial<Record<CheckName, Check>>>;

/** What the gate judges of one question. Optional measurements are null where nobody made them. */
export interface GateEvidence {
  /** Whether the Questioner's completion held a question. */
  readonly parsed: boolean;
  /** What the Reasoner's answers amount to; null if it was not asked. */
  readonly verdict: {
    /** All answers, parsed or not. */
    readonly samples: number;
    readonly abstentions: number;
    readonly parseFailures: number;
  } | null;
  /** Share of the blind answers' majority if it equals the sighted majority, else 0. */
  readonly blindAgreement?: number | null;
  /** The sighted majority's share of the votes less its share of the blind ones, in [-1, 1]. */
  readonly evidence?: number | null;
  /** Votes for the asker's own answer; 0 if it gave none. */
  readonly support?: number | null;
  /** The majority's share of the parsed answers, in [0, 1]. */
  readonly confidence?: number | null;
  /** Whether a description of the image alone leads to the majority's answer. */
  readonly described?: boolean | null;
}

/** Null, or none, switches a check off. */
export type GateThresholds = Readonly<Partial<Record<Exclude<CheckName, "format">, number | null>>>;

/** Checks whose value must not exceed the threshold; the others must reach it. */
const upperBounds: ReadonlySet<CheckName> = new Set(["abstention", "blind"]);

/** Puts one question through the gate; the checks stand in the order of `CheckName`. */
export function gate(evidence: GateEvidence, thresholds: GateThresholds): Checks {
  const { verdict } = evidence;
  const cast = verdict && verdict.samples - verdict.parseFailures;
  const values: Record<CheckName, number | null> = {
    format: evidence.parsed ? 1 : 0,
    parse: verdict && (cast ?? 0) / Math.max(1, verdict.samples),
    votes: cast,
    abstention: verdict && verdict.abstentions / Math.max(1, cast ?? 0),
    blind: evidence.blindAgreement ?? null,
    evidence: evidence.evidence ?? null,
    support: evidence.support ?? null,
    confidence: evidence.confidence ?? null,
    described: evidence.described == null ? null : Number(evidence.described),
  };
  const limits: GateThresholds & { readonly format: number } = { format: 1, ...thresholds };
  const checks: Partial<Record<CheckName, Check>> = {};
  for (const name of Object.keys(values) as CheckName[]) {
    const value = values[name];
    const threshold = limits[name] ?? null;
    if (value === null || threshold === null) continue;
    const passed = upperBounds.has(name) ? value <= threshold : value >= threshold;
    checks[name] = { passed, value, threshold };
  }
  return checks;
}

/** The first check that failed; null where the question passed. */
export function failedCheck(checks: Checks): CheckName | null {
  const names = Object.keys(checks) as CheckName[];
  return names.find((name) => checks[name]?.passed === false) ?? null;
}
