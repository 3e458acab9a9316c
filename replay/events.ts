import type {
  Alarm,
  Audited,
  CoEvolution,
  CurriculumBuilt,
  CurriculumEmpty,
  CurriculumEpisode,
  CurriculumStep,
  Evaluated,
  EvaluationProgress,
  FormatsTried,
  PhaseFinished,
  PhaseHandedOff,
  PhaseStarted,
  QuestionerAudited,
  QuestionerEpisode,
  QuestionerStep,
  ReasonerEpisode,
  ReasonerStep,
  RolloutFailed,
  SafetyChecked,
  SkillsMeasured,
  SupervisedStep,
  TasksWidened,
  WarmUpStep,
} from "./phase_events.ts";
import type {
  CheckpointSaved,
  ModelsSaved,
  RunFailed,
  RunFinished,
  RunResumed,
  RunStarted,
  RunStopped,
} from "./run_events.ts";

export type * from "./evaluation_records.ts";
export type * from "./health_records.ts";
export type * from "./phase_events.ts";
export type * from "./records.ts";
export type * from "./run_events.ts";
export type * from "./trajectory_records.ts";

/**
 * What a run records: one versioned union of events. Nothing here is a class or a typed array, so an event equals
 * what is read back of it.
 */

/**
 * The version of what events say. One that differs gets frozen types of what the version before it wrote, and a rule in
 * `modernize.ts` that turns that into its own; readers refuse newer ones.
 */
export const REPLAY_VERSION = 6;

/** One event and when it was recorded. */
export type RunEvent = Stamp & EventBody;

/** What every event carries. */
export interface Stamp {
  readonly version: typeof REPLAY_VERSION;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  /** The part of the run that was being played, by its name. */
  readonly stage: string;
}

/** What happened around one image in one step. Its type tells its shape, whatever the phase that recorded it is called. */
export type EpisodeEvent = Extract<
  RunEvent,
  { readonly rollouts: unknown } | { readonly questions: readonly unknown[] }
>;

/** An event without its stamp: all that a run does, by `type`. */
export type EventBody =
  | RunStarted
  | PhaseStarted
  | RolloutFailed
  | FormatsTried
  | WarmUpStep
  | QuestionerEpisode
  | QuestionerStep
  | QuestionerAudited
  | CurriculumEpisode
  | CurriculumStep
  | CurriculumBuilt
  | CurriculumEmpty
  | Audited
  | CoEvolution
  | ReasonerEpisode
  | ReasonerStep
  | SafetyChecked
  | TasksWidened
  | SkillsMeasured
  | SupervisedStep
  | EvaluationProgress
  | Evaluated
  | PhaseFinished
  | PhaseHandedOff
  | ModelsSaved
  | CheckpointSaved
  | RunResumed
  | RunStopped
  | Alarm
  | RunFinished
  | RunFailed;
