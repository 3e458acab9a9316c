import type { Observable } from "rxjs";
import type { ClaimChecker } from "../environments/checkers/claim_checker.ts";
import type { LabelledItems } from "../environments/data.ts";
import type { Toolkit } from "../environments/tools/toolkit.ts";
import type { RgbImage } from "../images/image.ts";
import type { Fit } from "../images/shrink.ts";
import type { ImageSource } from "../images/source.ts";
import type { Policy } from "../policy/port.ts";
import type { QuestionerTemplates } from "../questioner/prompt.ts";
import type { ClaimVocabulary } from "../reasoner/claims.ts";
import type { DescriptionTemplates, ReasonerTemplates } from "../reasoner/prompt.ts";
import type { VisualQuestion } from "../reasoner/reasoner.ts";
import type { EvaluationReport } from "../replay/events.ts";
import type { EventLog } from "../replay/log.ts";
import type { Role } from "../replay/self_play.ts";
import type { Environment } from "../training/environment.ts";
import type { Reference } from "../training/grpo.ts";
import type { AnswerTools } from "./answerer.ts";
import type { Stage } from "./config/stages.ts";
import type { RunState } from "./run_state.ts";
import type { Truth } from "./truth.ts";

/** The policies of a stage, all with the same base, each in a thread of its own. */
export interface Players {
  readonly policies: Policies;
  /** That base, which the KL holds them to. */
  readonly reference: Reference;
}

/** Policies by role; a Questioner only where one asks. */
export interface Policies extends Readonly<Partial<Record<Role, Policy>>> {
  readonly reasoner: Policy;
}

/** All that a stage of a run reaches outside itself. */
export interface Ports extends RunPorts, Players {}

/** All that a run reaches outside itself. What it opens is closed by whoever made it. */
export interface RunPorts {
  /** Opens the policies of a stage as they begin it; those of the stage before are closed. */
  open(stage: Stage): Promise<Players>;
  readonly images: ImageSource;
  /** Of each stage; null where it imitates no data. */
  readonly labelled: readonly (LabelledItems | null)[];
  /** Of each stage; null where it acts in none. */
  readonly environments: readonly (Environment | null)[];
  /** Of each stage, what its Reasoner may call before it answers a question; null for nothing. */
  readonly toolkits: readonly (Toolkit | null)[];
  /** The tokens of a completion that is to be imitated, its end included. */
  encode(completion: string): Int32Array;
  readonly templates: QuestionerTemplates & ReasonerTemplates & DescriptionTemplates;
  readonly log: EventLog;
  readonly clock: Clock;
  /** The run's folder, where models are saved. */
  readonly folder: string;
  /** Aborts to end the run early: what is under way is dropped, what is done is recorded and saved. */
  readonly stop: AbortSignal;
  /** Told, before that is recorded, that the model lies in the run's folder from which a stage is to start. */
  pinStart(stage: Stage): Promise<void>;
  /** Null where nothing is to be saved between rounds. */
  readonly checkpoints: Checkpoints | null;
  /** Null where there is nothing to evaluate on. */
  readonly evaluate: Evaluator | null;
  /** Null where the images don't know it. */
  readonly truth: Truth | null;
  /** Who says of descriptions whether they are so, where that is not known: those that the user named. */
  readonly checkers: readonly ClaimChecker[];
  /** Questions with true answers that silver answers are held against after each curriculum. */
  readonly audited?: readonly AuditedQuestion[];
}

/** Where a run's states are kept. */
export interface Checkpoints {
  /** Resolves once the state and the stage's policies are safe. */
  save(state: RunState, policies: Policies): Promise<{ readonly id: string; readonly bytes: number }>;
}

export interface Clock {
  /** Milliseconds since 1970; taken into records, never into results. */
  now(): number;
}

/** Measures a Reasoner, with tools where there are some: how far it is, now and then, and its report at the end. */
export type Evaluator = (reasoner: Policy, tools?: AnswerTools | null) => Observable<EvaluationUpdate>;

export type EvaluationUpdate =
  | { readonly done: number; readonly total: number }
  | { readonly report: EvaluationReport };

/** A question whose true answers are known, ready to be asked. */
export interface Test extends VisualQuestion {
  /** Of its picture, for people. */
  readonly name: string;
  /** Any of them is right. */
  readonly truths: readonly string[];
  /** What it counts with beside all; null where there are no groups. */
  readonly group: string | null;
  /** Edits its picture; absent where nobody knows what decides the answer. */
  edit?(): Promise<TestEdits>;
  /** Whether what a description says of what the question needs is so; only where the picture's truth is known. */
  readonly shows?: (description: string) => boolean | null;
}

/** Pictures of a question that were edited; null where there is no such edit. */
export interface TestEdits {
  /** What decides the answer was changed: other answers are true, or, null, it is only known that the old ones are not. */
  readonly evidence: { readonly image: RgbImage; readonly truths: readonly string[] | null } | null;
  /** Something else was changed: the question, which may be put in other words, has the same true answers. */
  readonly elsewhere: VisualQuestion | null;
}

/** Pictures of which it is known what they show, in an order that is always the same. */
export interface KnownPictures {
  /** What each shows, as a description that is true and names all, [pictures]. */
  readonly descriptions: readonly string[];
  /** What descriptions may name. */
  readonly vocabulary: ClaimVocabulary;
  /** The question whether a thing is there, whose answer is yes or no. */
  askFor(thing: string): string;
  /** Whether a thing is easily taken for what is there; absent where nothing says. */
  isAlike?(thing: string, there: readonly string[]): boolean;
  /** The images from `start` to before `end` by their index, scaled down as `fit` says, without any that cannot be used. */
  read(start: number, end: number, fit: Fit): Promise<ReadonlyMap<number, RgbImage>>;
}

/** Questions that a Reasoner is measured on, in an order that is always the same. */
export interface Tests {
  readonly length: number;
  /** All groups, in the order of reports. */
  readonly groups: readonly string[];
  /** Its pictures, where it is known what they show; null where that is not. */
  readonly known: KnownPictures | null;
  /** Those from `start` to before `end`, scaled down as `fit` says, without any whose picture cannot be used. */
  read(start: number, end: number, fit: Fit): Promise<Test[]>;
}

export interface AuditedQuestion {
  /** An image of the run, by its index. */
  readonly image: number;
  readonly question: string;
  readonly answer: string;
}
