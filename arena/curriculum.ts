import { sameVote } from "../reasoner/vote.ts";
import type {
  ConfidenceHistogram,
  CurriculumAudit,
  CurriculumBuilt,
  CurriculumEmpty,
  CurriculumEpisode,
  CurriculumQuestion,
  Rejection,
} from "../replay/events.ts";
import { trueLabel } from "./admission.ts";
import type { CurriculumConfig } from "./config/curriculum.ts";
import type { Truth } from "./truth.ts";

/** Bins of equal width for confidences from 0 to 1; the last one includes 1. */
const BINS = 10;

/** A curriculum as plain data: counts of what was asked. Its items stand in the log. */
export interface CurriculumState {
  readonly rejected: Readonly<Partial<Record<Rejection, number>>>;
  readonly confidences: ConfidenceHistogram;
  readonly admitted: ConfidenceHistogram;
  readonly correct: ConfidenceHistogram;
  readonly images: number;
  readonly questions: number;
  readonly meaningful: number;
}

/** What is worth knowing about one round's curriculum as it grows. */
export class Curriculum {
  readonly #truth: Truth | null;
  readonly #rejected: Partial<Record<Rejection, number>>;
  readonly #confidences: number[];
  readonly #admitted: number[];
  readonly #correct: number[];
  #images: number;
  #questions: number;
  #meaningful: number;

  /** With the truth, it audits itself; the items are the same with and without. It grows on from a state. */
  constructor(truth: Truth | null, state: CurriculumState = emptyCurriculum) {
    this.#truth = truth;
    this.#rejected = { ...state.rejected };
    this.#confidences = [...state.confidences];
    this.#admitted = [...state.admitted];
    this.#correct = [...state.correct];
    this.#images = state.images;
    this.#questions = state.questions;
    this.#meaningful = state.meaningful;
  }

  get images(): number {
    return this.#images;
  }

  /** How many items it has. */
  get admitted(): number {
    return sum(this.#admitted);
  }

  state(): CurriculumState {
    return {
      rejected: { ...this.#rejected },
      confidences: [...this.#confidences],
      admitted: [...this.#admitted],
      correct: [...this.#correct],
      images: this.#images,
      questions: this.#questions,
      meaningful: this.#meaningful,
    };
  }

  add({ image, questions }: CurriculumEpisode): void {
    this.#images++;
    for (const question of questions) this.#addQuestion(image.index, question);
  }

  #addQuestion(image: number, { question, verdict, rejection, label }: CurriculumQuestion): void {
    const truth = question === null ? null : (this.#truth?.(image, question) ?? null);
    this.#questions++;
    if (truth !== null) this.#meaningful++;
    if (rejection !== null) this.#rejected[rejection] = (this.#rejected[rejection] ?? 0) + 1;
    if (question === null || !verdict || verdict.silver === null) return;

    const { silver, confidence } = verdict;
    const bin = Math.min(BINS - 1, Math.floor(confidence * BINS));
    increment(this.#confidences, bin);
    if (label === null) return;
    increment(this.#admitted, bin);
    if (truth !== null && sameVote(silver, trueLabel(question, truth))) increment(this.#correct, bin);
  }

  built(round: number): CurriculumBuilt {
    return {
      type: "curriculumBuilt",
      round,
      phase: "curriculum",
      images: this.#images,
      questions: this.#questions,
      admitted: this.admitted,
      rejected: { ...this.#rejected },
      confidences: [...this.#confidences],
      audit: this.#truth && this.#audit(),
    };
  }

  #audit(): CurriculumAudit {
    const ratio = (part: number, whole: number) => (whole === 0 ? null : part / whole);
    return {
      meaningful: ratio(this.#meaningful, this.#questions),
      silverCorrect: ratio(sum(this.#correct), sum(this.#admitted)),
      silverCorrectByConfidence: this.#correct.map((part, bin) => ratio(part, this.#admitted[bin] as number)),
    };
  }

  /** Why nothing was admitted, and what can be done about it. */
  empty(round: number, consecutive: number, { band }: CurriculumConfig): CurriculumEmpty {
    const reasons = (Object.entries(this.#rejected) as [Rejection, number][]).sort((a, b) => b[1] - a[1]);
    const found = reasons.map(([reason, count]) => `${count} ${reason}`).join(", ");
    const expected = `expected confidences from ${band.low} to ${band.high}`;
    const remedy = remedies[reasons[0]?.[0] ?? "failed"];
    return {
      type: "curriculumEmpty",
      round,
      phase: "curriculum",
      consecutive,
      confidences: [...this.#confidences],
      message: `no question entered the curriculum: found ${found || "none"}, ${expected}; ${remedy}`,
    };
  }
}

/** Nothing was asked yet. */
export const emptyCurriculum: CurriculumState = {
  rejected: {},
  confidences: zeros(),
  admitted: zeros(),
  correct: zeros(),
  images: 0,
  questions: 0,
  meaningful: 0,
};

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
  belowBand: "lower curriculum.band.low",
  aboveBand: "raise curriculum.band.high",
  meaningless: "set reasoner.labels to silver",
};

function zeros(): number[] {
  return new Array(BINS).fill(0);
}

function increment(counts: number[], bin: number): void {
  counts[bin] = (counts[bin] as number) + 1;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
