/** A part of a turn: text, or an image by the name of its content. */
export type TurnPartRecord = string | { readonly image: string };

/** A turn that a policy read. */
export interface TurnRecord {
  readonly role: string;
  readonly parts: readonly TurnPartRecord[];
}

/** Tools that a policy might call. */
export interface ToolsRecord {
  readonly functions: readonly FunctionRecord[];
  /** How it was told of them: by its chat template, by the first of the turns in the usual words, or in a user's own, if any. */
  readonly told: "template" | "usualWords" | "ownWords";
}

/** A tool as chat templates take it. */
export interface FunctionRecord {
  readonly type: "function";
  readonly function: {
    readonly name: string;
    readonly description: string;
    /** The JSON Schema of its arguments. */
    readonly parameters: Readonly<Record<string, unknown>>;
  };
}

/** What a policy read between two of its tokens. */
export interface ObservationRecord {
  /** How many of the completion's tokens stand before it. */
  readonly after: number;
  readonly turns: readonly TurnRecord[];
}

/** What a policy said in one of its turns. */
export interface SpokenTurn {
  readonly text: string;
  /** What it earned by that, before weighting. */
  readonly parts: Readonly<Record<string, number>>;
  /** The call of a tool that it was ("" for what could not be read as one), and what was wrong with it; null for any other. */
  readonly call: { readonly tool: string; readonly fault: string | null } | null;
  /** Of its tokens; null where they have the trajectory's. */
  readonly advantage: number | null;
  /** How far constraints were violated by what was done, by name; absent where there are none. */
  readonly costs?: Readonly<Record<string, number>>;
  /** Why something else was done than it says, and what that would have cost; absent where it was done. */
  readonly veto?: VetoRecord;
  /** How it came about; absent where nobody watched. */
  readonly watched?: WatchedRecord;
}

/** An action in place of which the environment's fallback was taken. */
export interface VetoRecord {
  /** "dangerous", "unsure", "unlike" or "late". */
  readonly reason: string;
  readonly detail: string;
  readonly costs: Readonly<Record<string, number>>;
}

/** How an action came about. */
export interface WatchedRecord {
  readonly latencyMs: number;
  /** How far samples agree in what they say of the picture, 0 to 1; null where that was not asked. */
  readonly agreement: number | null;
  /** Whether the picture is unlike those of training; null where nobody compared. */
  readonly unlike: boolean | null;
}

/** What was between the tokens of a completion that went on over several turns, and how it ended. */
export interface TrajectoryRecord {
  readonly observations: readonly ObservationRecord[];
  /** The policy's turns; an observation stands between two of them. */
  readonly turns: readonly SpokenTurn[];
  /** By the environment, by the most turns that there may be, or by a fault. */
  readonly end: "done" | "turns" | "fault";
  /** Whether it is one to imitate; null for a vote, of which nobody knows alone. */
  readonly success: boolean | null;
  /** What went wrong in the environment, by its kind; null unless that was the end. */
  readonly fault: { readonly kind: string; readonly reason: string } | null;
  /** In which of the policy's turns, from 0, it began to fail, and how; null where it did not, or nobody said. */
  readonly failure: { readonly turn: number; readonly kind: string } | null;
  /** What violated constraints took; absent where nothing was. */
  readonly penalty?: PenaltyRecord;
}

/** What constraints took from a reward, or, where a hard one was violated, all that there is of it. */
export interface PenaltyRecord {
  readonly taken: number;
  readonly alone: boolean;
}

/** How the trajectories of a step went. */
export interface TrajectoryFigures {
  /** Turns of the policy, mean over trajectories. */
  readonly meanTurns: number;
  /** Share of trajectories that had all the turns that they may have and were not over. */
  readonly unfinished: number;
  /** Calls of tools, mean over trajectories, and the share of them that went wrong; null where there were none. */
  readonly meanCalls: number;
  readonly failedCalls: number | null;
  /** Trajectories that a fault spoiled, by its kind. */
  readonly faults: Readonly<Record<string, number>>;
  /** Trajectories that failed, by how that began; null where nobody said. */
  readonly failures: Readonly<Record<string, number>> | null;
  /** Absent where there are no constraints. */
  readonly safety?: SafetyFigures;
}

/** How safe the decisions in trajectories were: a decision is one turn of the policy. */
export interface SafetyFigures {
  readonly decisions: number;
  /** Decisions by which a constraint was violated in the environment, and for each constraint how many. */
  readonly violations: number;
  readonly violated: Readonly<Record<string, number>>;
  /** Decisions in place of which the fallback was taken, by reason. */
  readonly vetoes: Readonly<Record<string, number>>;
  /** Pictures unlike those of training; null where nobody compared. */
  readonly unlike: number | null;
  /** Mean and highest latency of a decision; null where nobody watched. */
  readonly meanLatencyMs: number | null;
  readonly maxLatencyMs: number | null;
}
