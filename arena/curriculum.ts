import { sameVote, trueLabel } from "../reasoner/vote.ts";
import type {
  ConfidenceHistogram,
  CurriculumAudit,
  CurriculumBuilt,
  CurriculumEmpty,
  CurriculumEpisode,
  CurriculumQuestion,
  KindCount,
  Rejection,
} from "../replay/events.ts";
import type { CurriculumConfig } from "./config/curriculum.ts";
import type { Truth } from "./truth.ts";

/** Bins of equal width for confidences from 0 to 1; the last one includes 1. */
const BINS = 10;

/** A round's curriculum as it grows: counts of what was asked. Its items stand in the log. */
export interface CurriculumState {
  readonly rejected: Readonly<Partial<Record<Rejection, number>>>;
  readonly confidences: ConfidenceHistogram;
  readonly admitted: ConfidenceHistogram;
  readonly correct: ConfidenceHistogram;
  readonly images: number;
  readonly questions: number;
  readonly meaningful: number;
  /** Of the meaningful ones. */
  readonly kinds: Readonly<Record<string, KindCount>>;
}

const nothing: ConfidenceHistogram = new Array(BINS).fill(0);

/** Nothing was asked yet. */
export const emptyCurriculum: CurriculumState = {
  rejected: {},
  confidences: nothing,
  admitted: nothing,
  correct: nothing,
  images: 0,
  questions: 0,
  meaningful: 0,
  kinds: {},
};

/** How many items it has. */
export function itemCount({ admitted }: CurriculumState): number {
  return sum(admitted);
}

/** With the questions about one more image; where the truth is known, they are audited. */
export function withEpisode(
  curriculum: CurriculumState,
  { image, questions }: CurriculumEpisode,
  truth: Truth | null,
): CurriculumState {
  const start = { ...curriculum, images: curriculum.images + 1 };
  return questions.reduce((counts, question) => withQuestion(counts, image.index, question, truth), start);
}

function withQuestion(
  counts: CurriculumState,
  image: number,
  { question, verdict, rejection, label }: CurriculumQuestion,
  truth: Truth | null,
): CurriculumState {
  const answer = question === null ? null : (truth?.answer(image, question) ?? null);
  const asked = {
    ...counts,
    questions: counts.questions + 1,
    meaningful: counts.meaningful + (answer === null ? 0 : 1),
    kinds: withKind(counts.kinds, question === null ? null : (truth?.kind(question) ?? null), label !== null),
    rejected:
      rejection === null
        ? counts.rejected
        : { ...counts.rejected, [rejection]: (counts.rejected[rejection] ?? 0) + 1 },
  };
  if (question === null || !verdict || verdict.silver === null) return asked;
  const { silver, confidence } = verdict;
  const bin = Math.min(BINS - 1, Math.floor(confidence * BINS));
  const isCorrect = label !== null && answer !== null && sameVote(silver, trueLabel(question, answer));
  return {
    ...asked,
    confidences: increment(counts.confidences, bin),
    admitted: label === null ? counts.admitted : increment(counts.admitted, bin),
    correct: isCorrect ? increment(counts.correct, bin) : counts.correct,
  };
}

function withKind(
  kinds: CurriculumState["kinds"],
  kind: string | null,
  isAdmitted: boolean,
): CurriculumState["kinds"] {
  if (kind === null) return kinds;
  const { asked, admitted } = kinds[kind] ?? { asked: 0, admitted: 0 };
  return { ...kinds, [kind]: { asked: asked + 1, admitted: admitted + Number(isAdmitted) } };
}

/** What a round's curriculum came to; `audited` where the truth was known. */
export function builtEvent(curriculum: CurriculumState, round: number, audited: boolean): CurriculumBuilt {
  const { images, questions, rejected, confidences } = curriculum;
  return {
    type: "curriculumBuilt",
    round,
    phase: "curriculum",
    images,
    questions,
    admitted: itemCount(curriculum),
    rejected,
    confidences,
    audit: audited ? auditOf(curriculum) : null,
  };
}

function auditOf({ meaningful, questions, correct, admitted, kinds }: CurriculumState): CurriculumAudit {
  const ratio = (part: number, whole: number) => (whole === 0 ? null : part / whole);
  return {
    meaningful: ratio(meaningful, questions),
    silverCorrect: ratio(sum(correct), sum(admitted)),
    silverCorrectByConfidence: correct.map((part, bin) => ratio(part, admitted[bin] as number)),
    kinds,
  };
}

/** Why nothing was admitted, and what can be done about it. */
export function emptyEvent(
  { rejected, confidences }: CurriculumState,
  round: number,
  consecutive: number,
  { band }: CurriculumConfig,
): CurriculumEmpty {
  const reasons = (Object.entries(rejected) as [Rejection, number][]).sort((a, b) => b[1] - a[1]);
  const found = reasons.map(([reason, count]) => `${count} ${reason}`).join(", ");
  const expected = `expected confidences from ${band.low} to ${band.high}`;
  const remedy = remedies[reasons[0]?.[0] ?? "failed"];
  return {
    type: "curriculumEmpty",
    round,
    phase: "curriculum",
    consecutive,
    confidences,
    message: `no question entered the curriculum: found ${found || "none"}, ${expected}; ${remedy}`,
  };
}

const remedies: Readonly<Record<Rejection, string>> = {
  malformed: "change prompts.questioner, or raise questioner.maxTokens",
  duplicate: "raise questioner.temperature",
  failed: "see the failed rollouts for the cause",
  noVotes: "change prompts.reasoner, or raise reasoner.maxTokens",
  unanswerable: "set curriculum.keepUnanswerable to true",
  fewParsed: "change prompts.reasoner or raise reasoner.maxTokens, or lower curriculum.gate.minParsedShare",
  fewVotes: "raise curriculum.answersPerQuestion, or lower curriculum.gate.minVotes",
  abstained: "raise curriculum.gate.maxAbstentionShare",
  blind: "raise curriculum.gate.maxBlindAgreement",
  contradicted: 'set curriculum.evidence.use to "weighs" or "none"',
  noEvidence: "lower curriculum.gate.minEvidence",
  belowBand: "lower curriculum.band.low",
  aboveBand: "raise curriculum.band.high",
  meaningless: "set reasoner.labels to silver",
};

function increment(counts: ConfidenceHistogram, bin: number): ConfidenceHistogram {
  return counts.map((count, i) => (i === bin ? count + 1 : count));
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
