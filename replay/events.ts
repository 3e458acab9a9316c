/**
 * What a run records: one versioned union of events, each whole on its own line. Nothing here is a class or a
 * typed array, so an event equals what its line parses to.
 */

/** The version of this schema; readers refuse newer ones. */
export const REPLAY_VERSION = 1;

export type Role = "questioner" | "reasoner";
export type Phase = "questioner" | "curriculum" | "reasoner" | "evaluation";

/** One event and when it was recorded. */
export type RunEvent = Stamp & EventBody;

export interface Stamp {
  readonly version: typeof REPLAY_VERSION;
  /** Milliseconds since 1970. */
  readonly atMs: number;
}

export type EventBody =
  | RunStarted
  | PhaseStarted
  | RolloutFailed
  | QuestionerEpisode
  | QuestionerStep
  | CurriculumEpisode
  | CurriculumStep
  | CurriculumBuilt
  | CurriculumEmpty
  | ReasonerEpisode
  | ReasonerStep
  | EvaluationProgress
  | Evaluated
  | PhaseFinished
  | ModelsSaved
  | RunFinished
  | RunFailed;

/** Where in a run an event belongs; rounds count from 1, steps from 0, and round 0 is the base. */
interface InPhase {
  readonly round: number;
  readonly phase: Phase;
}

interface InStep extends InPhase {
  readonly step: number;
  /** Steps planned for this phase. */
  readonly steps: number;
}

export interface RunStarted {
  readonly type: "runStarted";
  /** The resolved configuration. */
  readonly config: unknown;
  readonly images: number;
  readonly models: Readonly<Record<Role, ModelRecord>>;
}

export interface ModelRecord {
  readonly modelType: string;
  readonly parameters: number;
  /** Optimiser steps taken so far. */
  readonly version: number;
}

export interface PhaseStarted extends InPhase {
  readonly type: "phaseStarted";
  readonly steps: number;
}

export interface PhaseFinished extends InPhase {
  readonly type: "phaseFinished";
  readonly durationMs: number;
}

export interface ImageRef {
  readonly index: number;
  readonly name: string;
}

/** An image that could not be decoded, or a policy call that failed for it; the run goes on without it. */
export interface RolloutFailed extends InPhase {
  readonly type: "rolloutFailed";
  readonly step: number;
  readonly during: "load" | "ask" | "answer";
  readonly image: ImageRef;
  readonly reason: string;
}

export interface CompletionRecord {
  readonly tokens: readonly number[];
  /** At sampling, natural log, [T]. */
  readonly logProbs: readonly number[];
  readonly text: string;
  readonly finishReason: "stop" | "length";
}

/** One answer: its completion and what parsing made of it. */
export interface AnswerRecord extends CompletionRecord {
  readonly outcome: "answered" | "abstained" | "unparsed";
  /** In canonical form, "unanswerable" for an abstention; null where it did not parse. */
  readonly vote: string | null;
  /** Why it did not parse, else null. */
  readonly failure: string | null;
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
}

/** Optimiser steps each policy had taken when it spoke. */
export type PolicyVersions = Readonly<Record<Role, number>>;

/** All that happened around one image in one step. */
interface Episode extends InPhase {
  readonly step: number;
  readonly image: ImageRef & { readonly id: string };
  /** The text put to the policy that is being recorded. */
  readonly prompt: string;
  readonly versions: PolicyVersions;
}

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
}

export interface QuestionerEpisode extends Episode {
  readonly type: "questionerEpisode";
  readonly phase: "questioner";
  readonly rollouts: readonly QuestionerRollout[];
}

/** Milliseconds by what was waited for; parts that overlap are each counted in full. */
export type Timings = Readonly<Record<string, number>>;

/** What an optimiser step did; null where every group was without variance or failed. */
export interface UpdateRecord {
  readonly loss: number;
  readonly gradientNorm: number;
  readonly kl: number;
  readonly clipFraction: number;
  readonly tokens: number;
  readonly version: number;
  readonly learningRate: number;
}

interface Step extends InStep {
  readonly durationMs: number;
  readonly timingsMs: Timings;
  /** Tokens sampled by both policies in this step. */
  readonly sampledTokens: number;
  /** Images or items that failed. */
  readonly failed: number;
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

export interface QuestionerStep extends Step, TrainingFigures {
  readonly type: "questionerStep";
  readonly phase: "questioner";
  readonly questions: number;
  readonly meanConfidence: number;
  /** Share of questions that passed each check. */
  readonly checks: Readonly<Record<string, number>>;
  /** Mean over questions of each part of the reward. */
  readonly parts: Readonly<Record<string, number>>;
}

export interface ReasonerStep extends Step, TrainingFigures {
  readonly type: "reasonerStep";
  readonly phase: "reasoner";
  readonly parts: Readonly<Record<string, number>>;
}

/** Why a question did not enter the curriculum. */
export type Rejection =
  | "malformed"
  | "duplicate"
  | "failed"
  | "noVotes"
  | "unanswerable"
  | "belowBand"
  | "aboveBand"
  | "meaningless";

/** A question put to the pool; it entered the curriculum if `rejection` is null. */
export interface CurriculumQuestion extends QuestionRecord {
  readonly rejection: Rejection | null;
  /** What the Reasoner will be rewarded for; the silver answer unless a control uses the truth. */
  readonly label: string | null;
}

export interface CurriculumEpisode extends Episode {
  readonly type: "curriculumEpisode";
  readonly phase: "curriculum";
  readonly questions: readonly CurriculumQuestion[];
}

export interface CurriculumStep extends Step {
  readonly type: "curriculumStep";
  readonly phase: "curriculum";
  readonly questions: number;
  readonly admitted: number;
  readonly meanConfidence: number;
}

/** Counts of confidences in ten bins of equal width from 0 to 1; the last one includes 1. */
export type ConfidenceHistogram = readonly number[];

export interface CurriculumBuilt extends InPhase {
  readonly type: "curriculumBuilt";
  readonly phase: "curriculum";
  readonly images: number;
  readonly questions: number;
  readonly admitted: number;
  readonly rejected: Readonly<Partial<Record<Rejection, number>>>;
  readonly confidences: ConfidenceHistogram;
  /** Against the truth, where the images know it; never seen by training. */
  readonly audit: CurriculumAudit | null;
}

/** Shares from 0 to 1; null where there was nothing to judge. */
export interface CurriculumAudit {
  /** Questions that mean something, among all completions of the Questioner. */
  readonly meaningful: number | null;
  /** Silver answers that are true, among the questions admitted. */
  readonly silverCorrect: number | null;
  /** The same by confidence, in the bins of the histogram. */
  readonly silverCorrectByConfidence: readonly (number | null)[];
}

/** Nothing was admitted: the round trains no Reasoner and the run goes on. */
export interface CurriculumEmpty extends InPhase {
  readonly type: "curriculumEmpty";
  readonly phase: "curriculum";
  /** Empty rounds in a row, this one included. */
  readonly consecutive: number;
  readonly confidences: ConfidenceHistogram;
  /** What was found, what was expected, and which setting to change. */
  readonly message: string;
}

/** One rollout of a Reasoner's group, with its reward and every part of it. */
export interface ReasonerRollout extends AnswerRecord {
  readonly parts: Readonly<Record<string, number>>;
  readonly reward: number;
  readonly advantage: number;
}

export interface ReasonerEpisode extends Episode {
  readonly type: "reasonerEpisode";
  readonly phase: "reasoner";
  readonly question: string;
  readonly label: string;
  readonly confidence: number;
  readonly rollouts: readonly ReasonerRollout[];
}

export interface EvaluationProgress extends InPhase {
  readonly type: "evaluationProgress";
  readonly phase: "evaluation";
  readonly done: number;
  readonly total: number;
}

/** A figure in percent and its 95% interval. */
export interface Estimate {
  readonly percent: number;
  readonly low: number;
  readonly high: number;
}

/** The figures that are read side by side. */
export interface Scores {
  readonly questions: number;
  readonly greedy: Estimate;
  /** Mean accuracy of single samples at temperature 1. */
  readonly mean8: Estimate;
  /** The same at temperature 0.6. */
  readonly mean8_t06: Estimate;
  readonly maj8: Estimate;
  readonly pass8: Estimate;
  /** Greedy accuracy with the image blanked. */
  readonly blind: Estimate;
  /** Greedy answers that abstain. */
  readonly abstention: Estimate;
  /** Greedy answers that do not parse. */
  readonly parseFailure: Estimate;
}

export interface EvaluationReport {
  /** Samples per question of mean8, maj8 and pass8. */
  readonly samples: number;
  readonly overall: Scores;
  readonly families: Readonly<Record<string, Scores>>;
}

export interface Evaluated extends InPhase {
  readonly type: "evaluated";
  readonly phase: "evaluation";
  readonly report: EvaluationReport;
}

/** Both policies written as model folders, relative to the run's folder. */
export interface ModelsSaved {
  readonly type: "modelsSaved";
  readonly round: number;
  readonly folders: Readonly<Record<Role, string>>;
}

export interface RunFinished {
  readonly type: "runFinished";
  readonly rounds: number;
  readonly durationMs: number;
}

/** The last line of a run that ended by an error. */
export interface RunFailed {
  readonly type: "runFailed";
  readonly code: string;
  readonly message: string;
}
