import type { TrajectoryRecord } from "./trajectory_records.ts";

/**
 * What events are made of: plain objects, arrays, strings and numbers. These types are nobody else's, though some look
 * like those of what is recorded: what stands in files must not change with whatever made it, and a page that shows it
 * needs nothing of that.
 */

export interface ModelRecord {
  readonly modelType: string;
  readonly parameters: number;
  /** Optimiser steps taken so far. */
  readonly version: number;
}

export interface ImageRef {
  readonly index: number;
  readonly name: string;
}

/** An image that was decoded. */
export interface SeenImage extends ImageRef {
  /** Names its content; see `ImageFile` in images/source.ts. */
  readonly id: string;
}

export interface CompletionRecord {
  readonly tokens: readonly number[];
  /** At sampling, natural log, [T]. */
  readonly logProbs: readonly number[];
  readonly text: string;
  readonly finishReason: FinishReason;
}

/** Whether a completion ended by itself, or was cut off. */
export type FinishReason = "stop" | "length";

/** What parsing can make of an answer, in the order in which it is stored. */
export const outcomes = [
  "answered",
  "abstained",
  "unparsed",
  "placeholder",
  "refused",
  "inapplicable",
] as const;

/** One answer: its completion and what parsing made of it. */
export interface AnswerRecord extends CompletionRecord {
  readonly outcome: (typeof outcomes)[number];
  /** In canonical form, "unanswerable" for an abstention; null for every other outcome. */
  readonly vote: string | null;
  /** Why it did not parse, else null. */
  readonly failure: string | null;
  /** Null for an answer of one turn. */
  readonly trajectory: TrajectoryRecord | null;
  /** Whether a tool that it called helped with it: one call at least went well. Null where nothing could be called. */
  readonly verified: boolean | null;
}

export interface VerdictRecord {
  /** The majority; null where there was no vote. */
  readonly silver: string | null;
  /** Share of the majority among the votes, 0 to 1. */
  readonly confidence: number;
  readonly votes: readonly { readonly answer: string; readonly count: number }[];
  readonly abstentions: number;
  readonly parseFailures: number;
  /** All answers, parsed or not. */
  readonly samples: number;
  /** Votes whose answers are `verified`; null where nothing could be called. */
  readonly verified: number | null;
}

/** Optimiser steps that each policy, by its role, had taken when it spoke. */
export type PolicyVersions = Readonly<Record<string, number>>;

/** A question as it was asked and answered. */
export interface QuestionRecord {
  readonly completion: CompletionRecord;
  /** Null where the completion does not parse. */
  readonly question: string | null;
  /** Why it does not parse, else null. */
  readonly failure: string | null;
  /** The asker's own answer, if it gave one. */
  readonly ownAnswer: string | null;
  readonly answers: readonly AnswerRecord[];
  /** Null where nothing was asked. */
  readonly verdict: VerdictRecord | null;
}

/** One check of the gate and what it was decided on. */
export interface CheckRecord {
  readonly passed: boolean;
  readonly value: number;
  readonly threshold: number;
}

/** One rollout of a Questioner's group, with its reward and every part of it. */
export interface QuestionerRollout extends QuestionRecord {
  readonly blindAnswers: readonly AnswerRecord[];
  /** The gate: the checks that were made, by name; the question passes if all did. */
  readonly checks: Readonly<Record<string, CheckRecord>>;
  readonly parts: Readonly<Record<string, number>>;
  /** Null where the Reasoner could not be asked; such a rollout teaches nothing. */
  readonly reward: number | null;
  readonly advantage: number;
  /** Of the completion's tokens under the run's base, [T]; null where no KL was measured. */
  readonly referenceLogProbs: readonly number[] | null;
}

/** Milliseconds by what was waited for; parts that overlap are each counted in full. */
export type Timings = Readonly<Record<string, number>>;

/** What an optimiser step did; null where no group had anything to teach. */
export interface UpdateRecord {
  readonly loss: number;
  readonly gradientNorm: number;
  readonly kl: number;
  readonly clipFraction: number;
  readonly tokens: number;
  readonly version: number;
  readonly learningRate: number;
  /** How far log-probabilities at the update are from those at sampling; absent where nothing sampled was learnt from. */
  readonly gap?: SamplerGapRecord;
  /** How the policy samples from now on; absent where it was never to sample in eight bits. */
  readonly sampler?: SamplerRecord;
}

/** Of tokens' log-probabilities: mean and maximum of the absolute difference, and the KL that it estimates. */
export interface SamplerGapRecord {
  readonly mean: number;
  readonly max: number;
  readonly kl: number;
}

export interface SamplerRecord {
  readonly precision: string;
  /** Layers that keep their 32 bits. */
  readonly floatLayers: readonly string[];
  /** What was found out since the update before, in sentences. */
  readonly news: readonly string[];
}

/** What a training step is watched by. */
export interface TrainingFigures {
  readonly meanReward: number;
  readonly groups: number;
  /** Groups whose rewards were all equal: they teach nothing and are left out of the update. */
  readonly droppedGroups: number;
  readonly meanTokens: number;
  readonly truncatedShare: number;
  readonly update: UpdateRecord | null;
}

/** What the last steps of a phase came to, means over them; null where nothing was there to judge. */
export interface PhaseFigures {
  readonly reward: number | null;
  readonly confidence: number | null;
  /** Share of the answers that parsed. */
  readonly parsed: number | null;
}

/** Why a question did not enter the curriculum. */
export type Rejection =
  | "malformed"
  | "duplicate"
  | "failed"
  | "noVotes"
  | "unanswerable"
  | "fewParsed"
  | "fewVotes"
  | "abstained"
  | "blind"
  | "noEvidence"
  | "contradicted"
  | "belowBand"
  | "aboveBand"
  | "meaningless";

/** What descriptions of an image led to. */
export interface DescribedVotesRecord {
  /** Of all views. */
  readonly descriptions: readonly string[];
  /** The completion with the one of them that is most like the others, from which was answered; absent before tables of version 13. */
  readonly description?: string;
  /** The answer from it that is imitated; null where none led to the label, absent as well. */
  readonly solution?: string | null;
  readonly verdict: VerdictRecord;
}

/** A question put to the pool; it entered the curriculum if `rejection` is null. */
export interface CurriculumQuestion extends QuestionRecord {
  /** Answers with the image blanked. */
  readonly blindAnswers: readonly AnswerRecord[];
  /** Votes from descriptions of the image alone; null where nobody asked for them. */
  readonly described: DescribedVotesRecord | null;
  readonly rejection: Rejection | null;
  /** What the Reasoner will be rewarded for; the silver answer unless a control uses the truth. */
  readonly label: string | null;
  /**
   * The place, among its answers, of the one that says what those that agree have in common; null for none, and where one from
   * a description is imitated.
   */
  readonly solution: number | null;
}

/** A question that entered the curriculum: what the Reasoner learns from. */
export interface CurriculumItem {
  readonly image: SeenImage;
  readonly question: string;
  /** What it is rewarded for. */
  readonly label: string;
  readonly confidence: number;
  /** A whole answer that agrees, for the Reasoner to imitate; null where there was none. */
  readonly solution: string | null;
  /** A description of the image, to imitate as well; null where nobody asked for one. */
  readonly description: string | null;
}

/** Counts of confidences in ten bins of equal width from 0 to 1; the last one includes 1. */
export type ConfidenceHistogram = readonly number[];

/** Shares from 0 to 1; null where there was nothing to judge. */
export interface CurriculumAudit {
  /** Questions that mean something, among all completions of the Questioner. */
  readonly meaningful: number | null;
  /** Silver answers that are true, among the questions admitted. */
  readonly silverCorrect: number | null;
  /** The same by confidence, in the bins of the histogram. */
  readonly silverCorrectByConfidence: readonly (number | null)[];
  /** Questions that mean something by their kind; none where nobody counted. */
  readonly kinds: Readonly<Record<string, KindCount>>;
}

/** Questions of one kind. */
export interface KindCount {
  readonly asked: number;
  readonly admitted: number;
}

/** What an answer was held against to find out where it went wrong. */
export interface AttributionRecord {
  /** What the policy said to see; null where nothing usable. */
  readonly description: string | null;
  /** What is known of that, by the name of who looked: from 0, wrong, to 1. */
  readonly checks: Readonly<Record<string, number>>;
  /** What most answers from the description alone were; null where none was a vote. */
  readonly conclusion: string | null;
  /** Whether the description, and the conclusion, are right; null where nobody can say. */
  readonly described: boolean | null;
  readonly concluded: boolean | null;
  /** Where the answer went wrong; null where it did not, or nobody can say. */
  readonly cause: string | null;
  /** What is held to be right. */
  readonly by: "truth" | "label" | "consensus";
}

/** One rollout of a Reasoner's group, with its reward and every part of it. */
export interface ReasonerRollout extends AnswerRecord {
  /** Null where nobody looked. */
  readonly attribution: AttributionRecord | null;
  readonly parts: Readonly<Record<string, number>>;
  /** Null where nobody could judge; such a rollout teaches nothing. */
  readonly reward: number | null;
  readonly advantage: number;
  /** As in `QuestionerRollout`. */
  readonly referenceLogProbs: readonly number[] | null;
}
