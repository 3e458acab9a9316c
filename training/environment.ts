import { VisplayError } from "../common/errors.ts";
import type { FunctionTool } from "../common/tool_call.ts";
import type { Fit } from "../images/shrink.ts";
import type { ImageFile } from "../images/source.ts";
import type { Completion, ReadTurn } from "../policy/port.ts";
import type { FirstPrompt } from "../policy/prompts.ts";
import type { Constraint, Costs } from "../rewards/constraints.ts";
import type { Parts } from "../rewards/parts.ts";

/** What a policy said in one of its turns. */
export interface Action extends Pick<Completion, "tokens" | "text" | "finishReason"> {
  /** How it came about; absent where nobody watches. */
  readonly watched?: Watched;
}

/** How an action came about, beside what it says. */
export interface Watched {
  /** From the question to its last token. */
  readonly latencyMs: number;
  /** How far samples about the same picture agree in what they say of it, 0 to 1; null where that was not asked. */
  readonly agreement: number | null;
  /** Whether its picture is unlike those of training; null where nobody compared. */
  readonly unlike: boolean | null;
}

/** How a trajectory begins. */
export interface Start {
  /** What the policy reads first; a picture is among it. */
  readonly turns: readonly ReadTurn[];
  /** All that what follows depends on, as `Observed.state`. */
  readonly state: unknown;
  /** Of its picture, for people. */
  readonly name: string;
  /** What is asked, for people: without the words of a prompt around it. */
  readonly question: string;
  /** What would be right, for people; null where the environment does not say. */
  readonly label: string | null;
  /** The file of its first picture; null where that was drawn. */
  readonly file: ImageFile | null;
  /** What it may call; default nothing. */
  readonly tools?: OfferedTools;
}

/** Tools that a policy may call. */
export interface OfferedTools {
  readonly functions: readonly FunctionTool[];
  /** How it is told of them: by its chat template, by a turn in the usual words, or in the user's, if any. */
  readonly told: "template" | "usualWords" | "ownWords";
}

/** What a policy is asked where a task begins. */
export function promptOf({ turns, tools }: Pick<Start, "turns" | "tools">): FirstPrompt {
  return tools?.told === "template" ? { turns, tools: tools.functions } : { turns };
}

/** The policy is to speak again. */
export interface Observed {
  /** What it reads before that. */
  readonly turns: readonly ReadTurn[];
  /**
   * All that what follows depends on, as plain data: the same state and action give the same outcome in any thread or
   * process, so that a state kept is a snapshot, and a step from it a restore.
   */
  readonly state: unknown;
  /** What the action earned, by name, before weighting; of the same name in several turns, their sum counts. */
  readonly parts: Parts;
  /** Where the action called a tool: which ("" for what could not be read), and what was wrong with the call, if anything. */
  readonly call?: Call;
  /** How far the environment's constraints were violated by what was done; beside the parts, and in none of them. Default: not. */
  readonly costs?: Costs;
  /** Why something else was done than the action says; absent where it was not. */
  readonly veto?: Veto;
  /** Whether what is read next stands alone: what was read and said before is no part of its prompt (default false). */
  readonly alone?: boolean;
}

/**
 * Why an action was not taken: it would violate a constraint, samples disagree about the picture, the picture is unlike those of
 * training, or the action came too late.
 */
export const vetoReasons = ["dangerous", "unsure", "unlike", "late"] as const;
export type VetoReason = (typeof vetoReasons)[number];

/** An action that was not taken. The environment's fallback was, for which the policy is not paid. */
export interface Veto {
  readonly reason: VetoReason;
  /** For people: what would have been violated, or which figure passed which limit. */
  readonly detail: string;
  /** What the policy is charged with: the costs that the action would have had. */
  readonly costs: Costs;
}

/** A call of a tool. */
export interface Call {
  readonly tool: string;
  readonly fault: string | null;
}

/** The trajectory is over. */
export interface Ended {
  readonly turns: null;
  /** As `Observed.parts`; null where nobody can judge the trajectory. */
  readonly parts: Parts | null;
  /** Whether it is one to imitate. */
  readonly success: boolean;
  /** As `Observed`'s. */
  readonly costs?: Costs;
  readonly veto?: Veto;
}

export type Outcome = Observed | Ended;

/** How a task begins. */
export interface ResetOptions {
  /** Whatever is drawn for the task is drawn from it. */
  readonly seed: number;
  /** What pictures are scaled down to, where they may be, before they are shown. */
  readonly fit: Fit;
  /** Whether the policy's chat template can tell of tools (default false). */
  readonly hasToolForm?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Tasks in which a policy acts, turn by turn. It keeps no trajectory: a state goes in, and the next comes out. Calls about
 * different trajectories may run at the same time.
 *
 * A call rejects with an `EnvironmentFault` where the environment itself fails, which spoils that trajectory only, and with
 * a `VisplayError` of code "images" where a task's picture cannot be used.
 */
export interface Environment extends AsyncDisposable {
  /** Of all of it, for people. */
  readonly name: string;
  readonly tasks: number;
  /** Texts that end a turn of the policy, which is to be answered then (default none). */
  readonly stopTexts?: readonly string[];
  reset(task: number, options: ResetOptions): Promise<Start>;
  step(state: unknown, action: Action, signal?: AbortSignal): Promise<Outcome>;
  /**
   * How right what a policy says of the picture in its first turn is, 0 to 1: null where it says nothing that could be judged.
   * Not every one has it. It is a part of that turn, `understanding`.
   */
  understanding?(state: unknown, text: string, signal?: AbortSignal): Promise<number | null>;
  /** What a policy that knows better would say in its `turn`-th turn, from 0, for others to imitate; not every one has it. */
  demonstrate?(state: unknown, turn: number, signal?: AbortSignal): Promise<string>;
  /** What must not happen in it, whose costs stand in outcomes (default: nothing). */
  readonly constraints?: readonly Constraint[];
  /**
   * What an action would cost, were it taken and the fallback from then on; nothing changes by it. With `fallback` what a shield
   * (`environments/shield.ts`) needs; not every one has them.
   */
  foresee?(state: unknown, action: Pick<Action, "text">, signal?: AbortSignal): Promise<Costs>;
  /** What is said in place of an action that is not to be taken: what keeps the constraints, where anything does. */
  fallback?(state: unknown, signal?: AbortSignal): Promise<string>;
  /** Tasks that policies are measured on and never learn from, with its constraints; default: the last of its own. */
  readonly suite?: Environment;
}

/**
 * How an environment can fail: it threw, took too long, gave what is no outcome or a picture that is too large, took its
 * thread with it, or let a trajectory grow beyond the model's positions.
 */
export const faultKinds = ["threw", "late", "nonsense", "tooLarge", "crashed", "tooLong"] as const;
export type FaultKind = (typeof faultKinds)[number];

/** What spoiled a trajectory. */
export interface Fault {
  readonly kind: FaultKind;
  readonly reason: string;
}

/** A fault of an environment, as an error: it concerns one task only. */
export class EnvironmentFault extends VisplayError implements Fault {
  readonly kind: FaultKind;

  constructor(kind: FaultKind, reason: string, options?: ErrorOptions) {
    super("prompt", reason, options);
    this.name = "EnvironmentFault";
    this.kind = kind;
  }

  get reason(): string {
    return this.message;
  }
}
