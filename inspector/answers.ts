import type {
  Alarm,
  CoEvolution,
  CurriculumBuilt,
  EpisodeEvent,
  Estimate,
  EvaluationReport,
  ImageRef,
  ModelRecord,
} from "../replay/events.ts";
import type { EpisodeHead } from "../replay/query.ts";
import type { QuestionHead } from "../replay/questions.ts";
import type { RoundFigure } from "../replay/round_figures.ts";
import type { EpisodeCount, FigureRange } from "../replay/survey.ts";

/** What the page is told about runs: plain JSON, the same from a server and from a file that somebody was sent. */

/** A run in a list. `key` names it in addresses. */
export interface RunLine {
  readonly key: string;
  readonly folder: string;
  /** How it is, as its heartbeat says: running, finished, stopped, failed, died, silent; null where there is none. */
  readonly condition: string | null;
  /** Null where the replay cannot be read; `problem` says why. */
  readonly about: RunAbout | null;
  readonly problem: string | null;
}

export interface RunAbout {
  readonly startedMs: number;
  readonly lastMs: number;
  /** Rounds that were played to the end, and those that were planned. */
  readonly rounds: number;
  readonly planned: number | null;
  readonly images: number;
  readonly models: Readonly<Record<string, ModelRecord>> | null;
  readonly episodes: number;
  /** Each evaluation, the last of them last. */
  readonly evaluations: readonly Evaluation[];
  /** The last event. */
  readonly position: number;
}

export interface Evaluation {
  readonly event: number;
  readonly round: number;
  readonly report: EvaluationReport;
}

/** One stretch of a phase, as one attempt played it. */
export interface PhaseSpan {
  readonly event: number;
  readonly attempt: number;
  readonly superseded: boolean;
  readonly round: number;
  readonly phase: string;
  readonly startedMs: number;
  /** Null while it goes on. */
  readonly endedMs: number | null;
  readonly steps: number;
}

/** What stands at one moment of a run. */
export interface Mark {
  readonly event: number;
  readonly attempt: number;
  readonly kind: "alarm" | "checkpoint" | "resumed" | "stopped" | "finished" | "failed" | "empty";
  readonly atMs: number;
  readonly round: number | null;
  readonly phase: string | null;
  readonly step: number | null;
  readonly text: string;
}

/** Figures of some steps of one phase, a column for each: [steps], null where a step has none. */
export interface StepSeries {
  readonly phase: string;
  readonly event: readonly number[];
  readonly round: readonly number[];
  readonly step: readonly number[];
  readonly atMs: readonly number[];
  readonly figures: Readonly<Record<string, readonly (number | null)[]>>;
}

/** How a run's curriculum is taken out. */
export interface Exporting {
  /** The command that does, with the run, but no options yet. */
  readonly command: string;
  readonly formats: readonly string[];
}

/** How hard what a round asked is, and what passed the gate wrongly. */
export interface AskedRound {
  readonly round: number;
  /** In percent; without what nobody measured. */
  readonly figures: Readonly<Partial<Record<RoundFigure, Estimate>>>;
  /** The base's answers by kinds of questions. */
  readonly kinds: CoEvolution["kinds"];
}

export interface Overview {
  readonly line: RunLine;
  readonly exporting: Exporting;
  readonly config: unknown;
  readonly release: string | null;
  readonly spans: readonly PhaseSpan[];
  readonly marks: readonly Mark[];
  readonly alarms: readonly Alarm[];
  readonly curricula: readonly CurriculumBuilt[];
  /** By round. */
  readonly asked: readonly AskedRound[];
  readonly steps: readonly StepSeries[];
  readonly counts: readonly EpisodeCount[];
  readonly figures: readonly FigureRange[];
  readonly damage: DamageFound;
}

/** What of a replay cannot be read, and is left out. */
export interface DamageFound {
  /** Numbers of events. */
  readonly events: readonly number[];
  /** Numbers of episodes that no list names. */
  readonly episodes: readonly number[];
  /** What was met. */
  readonly reasons: readonly string[];
}

/** An episode, whole, with what a list shows of it. */
export interface EpisodeAnswer {
  readonly head: EpisodeHead;
  readonly event: EpisodeEvent;
  /** Other episodes about the same image, the newest first. */
  readonly kin: readonly EpisodeHead[];
}

/** How the run's model writes an episode; null where its folder is not on this machine. */
export interface TextsAnswer {
  /** The prompt in the model's chat template. */
  readonly template: string | null;
  /** The tokens of each completion, in the order of `completionsOf`. */
  readonly pieces: readonly (readonly string[])[] | null;
}

/** How closely many episodes are looked at: a glance is there at once. */
export type Closeness = "glance" | "look";

/** What the Questioner asked, round by round, in clusters of like questions. */
export interface Drift {
  readonly rounds: readonly DriftRound[];
  /** Largest first. */
  readonly clusters: readonly QuestionCluster[];
  /** Questions that were looked at, of all. */
  readonly sampled: number;
  readonly of: number;
  /** Numbers of episodes among them that cannot be read, and are left out. */
  readonly damaged: readonly number[];
}

export interface DriftRound {
  readonly round: number;
  readonly questions: number;
  /** Different questions among them, and different runs of one and two words among all of theirs: shares. */
  readonly distinct: number;
  readonly distinct1: number;
  readonly distinct2: number;
  /** Mean tokens of the completions. */
  readonly length: number;
  readonly confidence: number | null;
  readonly reward: number | null;
  /** The commonest beginnings of three words, with their shares. */
  readonly beginnings: readonly { readonly text: string; readonly share: number }[];
}

export interface QuestionCluster {
  /** The question that stands for it. */
  readonly name: string;
  readonly questions: number;
  /** By round; shares of that round's questions. */
  readonly rounds: readonly {
    readonly round: number;
    readonly share: number;
    readonly confidence: number | null;
    readonly reward: number | null;
  }[];
  readonly examples: readonly QuestionExample[];
}

export interface QuestionExample {
  readonly episode: number;
  readonly rollout: number;
  readonly round: number;
  readonly image: ImageRef & { readonly id: string };
  readonly question: string;
  readonly reward: number | null;
  readonly confidence: number | null;
}

/** What was asked for the curriculum of one round. */
export interface CurriculumAnswer {
  readonly round: number;
  readonly questions: readonly CurriculumLine[];
  /** Episodes of this round, those of which questions are shown, and those whose questions are above. */
  readonly episodes: number;
  readonly shown: number;
  readonly looked: number;
  /** Numbers of those among them that cannot be read, and are left out. */
  readonly damaged: readonly number[];
}

export interface CurriculumLine extends Omit<QuestionHead, "length" | "reward" | "text"> {
  /** What was said in place of a question; empty where there is one. */
  readonly text: string;
  /** Near duplicates of it, by the measure that the Questioner is rewarded by, that entered about the same image. */
  readonly alike: readonly string[];
}

/** The Reasoner's passes over a question of the curriculum, the first one first. */
export interface Fate {
  readonly passes: readonly EpisodeHead[];
}

/** The same question about the same image, at two places. */
export interface Pair {
  readonly left: EpisodeHead;
  readonly right: EpisodeHead;
  /** Whether most answers agreed with the label on one side only. */
  readonly flipped: boolean;
}

export interface Comparison {
  /** The flipped ones first, then by how far the rewards lie apart. */
  readonly pairs: readonly Pair[];
  readonly total: number;
  readonly flipped: number;
  /** Episodes that each side has, and how many of them were looked at. */
  readonly sides: readonly [Looked, Looked];
}

interface Looked {
  readonly looked: number;
  readonly of: number;
}

/** What a model sees of a picture: scaled to a size, whole or in so many rows and columns of tiles. */
export interface Sight {
  readonly size: { readonly width: number; readonly height: number };
  readonly rows: number;
  readonly columns: number;
  readonly tiles: number;
  readonly tokens: number;
}

/** A failure, as the page is told of it. */
export interface Problem {
  readonly code: string;
  readonly message: string;
}
