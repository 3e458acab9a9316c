import type { AttributionFigures, Estimate, EvaluationReport } from "./evaluation_records.ts";
import type { AlarmName, Health } from "./health_records.ts";
import type {
  ConfidenceHistogram,
  CurriculumAudit,
  CurriculumQuestion,
  ImageRef,
  PhaseFigures,
  PolicyVersions,
  QuestionerRollout,
  ReasonerRollout,
  Rejection,
  SeenImage,
  Timings,
  TrainingFigures,
  UpdateRecord,
} from "./records.ts";
import type { ToolsRecord, TrajectoryFigures, TurnRecord } from "./trajectory_records.ts";

/** Events of the phases of a run's rounds. */

/** Where in a run an event belongs; rounds count from 1, steps from 0, and round 0 is the base. */
interface InPhase {
  readonly round: number;
  /** The phase's name. */
  readonly phase: string;
}

interface InStep extends InPhase {
  readonly step: number;
  /** Steps planned for this phase. */
  readonly steps: number;
}

export interface PhaseStarted extends InPhase {
  readonly type: "phaseStarted";
  readonly steps: number;
}

export interface PhaseFinished extends InPhase {
  readonly type: "phaseFinished";
  readonly durationMs: number;
  /** Null where nobody took them. */
  readonly figures: PhaseFigures | null;
}

/** A phase was played elsewhere, as a job of another trainer; a policy goes on with the weights that it came to. */
export interface PhaseHandedOff extends InPhase {
  readonly type: "phaseHandedOff";
  readonly role: string;
  /** The trainer, and the job's name there. */
  readonly trainer: string;
  readonly job: string;
  /** Optimiser steps that it was told to take, on so many items of the curriculum. */
  readonly steps: number;
  readonly items: number;
  /** Settings that it does otherwise or not at all, by name. */
  readonly unlike: Readonly<Record<string, string>>;
  /** Of the weights that came back, SHA-256 by file. */
  readonly weights: Readonly<Record<string, string>>;
}

/** An image that could not be decoded, or a policy call that failed for it; the run goes on without it. */
export interface RolloutFailed extends InPhase {
  readonly type: "rolloutFailed";
  readonly step: number;
  readonly during: "load" | "ask" | "answer";
  readonly image: ImageRef;
  readonly reason: string;
}

/** How much of what the policies write can be read, by the format that they were asked for; the configured one first. */
export interface FormatsTried extends InPhase {
  readonly type: "formatsTried";
  readonly images: number;
  readonly formats: readonly FormatTried[];
}

/** Completions under one format: how many, and in how many of them a question, or an answer, was found. */
export interface FormatTried {
  readonly format: string;
  readonly questions: Found;
  readonly answers: Found;
}

interface Found {
  readonly of: number;
  readonly found: number;
  /** The first completion in which nothing was found; null if there is none. */
  readonly unread: string | null;
}

/** Both policies imitated their own plain questions and answers, put into the wanted form. */
export interface WarmUpStep extends InStep {
  readonly type: "warmUpStep";
  readonly durationMs: number;
  readonly timingsMs: Timings;
  readonly sampledTokens: number;
  readonly failed: number;
  readonly images: number;
  /** What was imitated, [examples]. */
  readonly asked: readonly string[];
  readonly answered: readonly string[];
  /** By role; null where there was nothing to imitate. */
  readonly updates: Readonly<Record<string, UpdateRecord | null>>;
}

/** All that happened around one image in one step. */
interface Episode extends InPhase {
  readonly step: number;
  /** The policy that is being recorded. */
  readonly role: string;
  readonly image: SeenImage;
  /** The text put to it. */
  readonly prompt: string;
  readonly versions: PolicyVersions;
}

interface Step extends InStep {
  /** The policy that its episodes record. */
  readonly role: string;
  readonly durationMs: number;
  readonly timingsMs: Timings;
  /** Tokens sampled by both policies in this step. */
  readonly sampledTokens: number;
  /** Images or items that failed. */
  readonly failed: number;
  readonly health: Health;
}

/** A group of questions about one image, each answered, judged and rewarded. */
export interface QuestionerEpisode extends Episode {
  readonly type: "questionerEpisode";
  readonly rollouts: readonly QuestionerRollout[];
}

/** A Questioner's step, recorded together with its episodes. */
export interface QuestionerStep extends Step, TrainingFigures {
  readonly type: "questionerStep";
  readonly questions: number;
  /** Null where nobody cast a vote. */
  readonly meanConfidence: number | null;
  /** Share of the votes that a tool verified; null where nothing could be called, or nobody cast a vote. */
  readonly verified: number | null;
  /** Null where nobody knows the truth. */
  readonly audit: GateAudit | null;
  /** Share of questions that passed each check. */
  readonly checks: Readonly<Record<string, number>>;
  /** Mean over questions of each part of the reward. */
  readonly parts: Readonly<Record<string, number>>;
}

/** What the gate let pass of a step's questions, held against the truth; never seen by training. */
export interface GateAudit {
  /** Questions that passed, and those of them that mean nothing, or whose silver answer is another than the true one. */
  readonly passed: number;
  readonly meaningless: number;
  readonly wrong: number;
  /** What the mean reward would be had the gate rejected these. */
  readonly auditedReward: number;
}

/** The same of a whole phase, after its last step. */
export interface QuestionerAudited extends InPhase {
  readonly type: "questionerAudited";
  /** Questions that were rewarded, and those of them that passed. */
  readonly questions: number;
  readonly passed: number;
  readonly meaningless: number;
  readonly wrong: number;
  /** Both of these among those that passed; null where none did. */
  readonly falseAccepts: Estimate | null;
  /** Means over questions; null for none. */
  readonly reward: number | null;
  readonly auditedReward: number | null;
  /** The share of the rewards that false accepts earned; null where there was no reward, or none that is gated. */
  readonly unearned: Estimate | null;
}

/** The questions put to one image of the pool. */
export interface CurriculumEpisode extends Episode {
  readonly type: "curriculumEpisode";
  readonly questions: readonly CurriculumQuestion[];
}

/** One chunk of the pool was asked about. */
export interface CurriculumStep extends Step {
  readonly type: "curriculumStep";
  readonly questions: number;
  readonly admitted: number;
  /** Null where nobody cast a vote. */
  readonly meanConfidence: number | null;
  /** As in `QuestionerStep`. */
  readonly verified: number | null;
}

/** The whole pool was asked about: what entered the curriculum, and what did not. */
export interface CurriculumBuilt extends InPhase {
  readonly type: "curriculumBuilt";
  readonly images: number;
  readonly questions: number;
  readonly admitted: number;
  readonly rejected: Readonly<Partial<Record<Rejection, number>>>;
  readonly confidences: ConfidenceHistogram;
  /** Against the truth, where the images know it; never seen by training. */
  readonly audit: CurriculumAudit | null;
}

/** Nothing was admitted: the round trains no Reasoner and the run goes on. */
export interface CurriculumEmpty extends InPhase {
  readonly type: "curriculumEmpty";
  /** Empty rounds in a row, this one included. */
  readonly consecutive: number;
  readonly confidences: ConfidenceHistogram;
  /** What was found, what was expected, and which setting to change. */
  readonly message: string;
}

/** The Reasoner has answered the audited set as it labels a curriculum. */
export interface Audited extends InPhase {
  readonly type: "audited";
  /** Those that could be asked. */
  readonly questions: number;
  /** Those of them that a curriculum would admit; null where every question counts. */
  readonly admitted: number | null;
  /** Share of true silver answers among those that count; null for none. */
  readonly silverCorrect: number | null;
}

/** What votes on some questions come to. */
export interface AskedFigures {
  readonly questions: number;
  /** Mean share of the majority. */
  readonly confidence: Estimate;
  /** Questions whose true answer is known, for they mean something; null where nobody knows. */
  readonly judged: number | null;
  /** Of these, the mean share of answers that are right, and the share of majorities that are; null for none. */
  readonly accuracy: Estimate | null;
  readonly majority: Estimate | null;
}

/** The run's base, which does not learn, has answered a sample of the round's questions, drawn at random. */
export interface CoEvolution extends InPhase {
  readonly type: "coEvolution";
  /** Of the base, per question. */
  readonly answers: number;
  readonly base: AskedFigures;
  /** What the round's Reasoner voted on the same questions. */
  readonly reasoner: AskedFigures;
  /** The base's by kinds of questions, where these are known. */
  readonly kinds: Readonly<Record<string, AskedFigures>>;
}

/** A group of answers to one question, or of trajectories in one task. */
export interface ReasonerEpisode extends Episode {
  readonly type: "reasonerEpisode";
  /** The prompt's turns; null where it is the image with `prompt` about it. */
  readonly turns: readonly TurnRecord[] | null;
  /** What it might call; null where there was nothing. */
  readonly tools: ToolsRecord | null;
  /** Which view of the image was shown; 0 is the image itself. */
  readonly view: number;
  readonly question: string;
  /** What is right; null where nobody says. */
  readonly label: string | null;
  readonly confidence: number;
  readonly rollouts: readonly ReasonerRollout[];
}

/** A Reasoner's step, recorded together with its episodes. */
export interface ReasonerStep extends Step, TrainingFigures {
  readonly type: "reasonerStep";
  /** Null where nothing was acted in. */
  readonly trajectories: TrajectoryFigures | null;
  /** Null where nobody looked for causes. */
  readonly attribution: AttributionFigures | null;
  /** The update, after that by the rewards, on solutions of the curriculum; null where there was nothing to imitate. */
  readonly imitated: UpdateRecord | null;
  /** Mean over answers of each part of the reward. */
  readonly parts: Readonly<Record<string, number>>;
}

/** Before the first step of a phase that trains both: how right what is said of pictures is, and how well tools are used. */
export interface SkillsMeasured extends InPhase {
  readonly type: "skillsMeasured";
  /** Held-out tasks, one trajectory each. */
  readonly tasks: number;
  readonly success: Estimate;
  /** Null where nobody could judge it. */
  readonly understanding: Estimate | null;
  readonly toolUse: Estimate | null;
}

/** How a policy did in an environment's suite. */
export interface SuiteFigures {
  /** Steps of the phase before it. */
  readonly updates: number;
  readonly decisions: number;
  /** Of decisions, those that would have violated a constraint, whoever prevented it. */
  readonly violations: Estimate;
  readonly reward: number;
  /** Of tasks. */
  readonly success: Estimate;
}

/** What the stage before made, in the suite of its own environment. */
export interface SuiteBefore {
  readonly stage: string;
  readonly success: Estimate;
}

/** Now and then in a phase whose environment has constraints: whether the policy keeps them as well as it did. */
export interface SafetyChecked extends InPhase {
  readonly type: "safetyChecked";
  /** Steps of the phase before it looked. */
  readonly looked: number;
  readonly found: SuiteFigures;
  /** Of the last policy that was safe, and of the best one so far, this one included. */
  readonly safe: SuiteFigures;
  readonly best: SuiteFigures;
  /** After how many steps the policy was to which it went back; null where it goes on as it is. */
  readonly returnedTo: number | null;
  /** Optimiser steps of the policy that goes on. */
  readonly policyVersion: number;
  /** Why it went back; null where it did not. */
  readonly message: string | null;
  /** In the first look of a stage: what the one before came to, from which it differs by the gap between their environments. */
  readonly before?: SuiteBefore;
}

/** After a step with enough success: more of the stage's tasks are open, from the step after the next on. */
export interface TasksWidened extends InStep {
  readonly type: "tasksWidened";
  /** Of the step's trajectories, as a share. */
  readonly success: number;
  /** The shares of tasks that were open, and that are. */
  readonly from: number;
  readonly share: number;
}

/** The Reasoner imitated given answers. */
export interface SupervisedStep extends InStep {
  readonly type: "supervisedStep";
  /** The policy that learned. */
  readonly role: string;
  readonly durationMs: number;
  readonly timingsMs: Timings;
  readonly sampledTokens: number;
  /** Images or questions that were left out. */
  readonly failed: number;
  /** What was imitated; the question is null where it was itself what was to be said. */
  readonly examples: readonly {
    readonly image: ImageRef;
    readonly question: string | null;
    readonly completion: string;
  }[];
  /**
   * Mean cross-entropy of a token of what is held out, natural log, before the update, and of a phase's last step after
   * it; null where it was not measured.
   */
  readonly heldOutLoss: number | null;
  /** Null where there was nothing to imitate. */
  readonly update: UpdateRecord | null;
}

/** Questions evaluated so far. */
export interface EvaluationProgress extends InPhase {
  readonly type: "evaluationProgress";
  readonly done: number;
  readonly total: number;
}

/** How the Reasoner did on held-out questions. */
export interface Evaluated extends InPhase {
  readonly type: "evaluated";
  readonly report: EvaluationReport;
}

/** A sign that self-play is collapsing; raised once in a phase for each kind. */
export interface Alarm extends InPhase {
  readonly type: "alarm";
  readonly name: AlarmName;
  /** The step that raised it; null for what is known only after a phase's last step. */
  readonly step: number | null;
  /** The figure, over the window, and the threshold that it passed. */
  readonly value: number;
  readonly threshold: number;
  /** Steps, or rounds for the accuracy of silver answers, that the value is taken from. */
  readonly window: number;
  /** What was found, what was expected, and which setting to change. */
  readonly message: string;
}
