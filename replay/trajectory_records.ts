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
}
