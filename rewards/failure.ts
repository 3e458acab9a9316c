import type { CallUse } from "./tool_use.ts";

/**
 * What a trajectory that failed failed by: what was said of the picture is wrong, a call was wrong, the answer of a call was
 * used wrongly, or, where nothing was called, the trajectory's own answer is wrong.
 */
export const failureKinds = ["description", "call", "use", "answer"] as const;
export type FailureKind = (typeof failureKinds)[number];

/** Where a failure began. */
export interface Failure {
  /** The policy's turn, from 0. */
  readonly turn: number;
  readonly kind: FailureKind;
}

/** What is known of a turn. */
export interface JudgedTurn {
  /** How right what it says of the picture is, 0 to 1; null where nobody judged that. */
  readonly understanding: number | null;
  /** What became of its call; null where it was none. */
  readonly use: CallUse | null;
}

/**
 * In which turn a failed trajectory began to fail, the first of which one of these can be said:
 *
 * - `description`: what it says of the picture is not wholly right;
 * - `call`: it repeats a call, or its call was wrong and no later one went well;
 * - `use`: the turn before it called a tool, and of what that answered nothing is used.
 *
 * Where none of it can be said of any, the last turn made a wrong use of what it was told (`use`), or, where no call went well,
 * is itself the wrong answer (`answer`).
 */
export function failureOf(turns: readonly JudgedTurn[]): Failure {
  const last = turns.length - 1;
  const lastGood = turns.findLastIndex(({ use }) => use === "used" || use === "unused");
  for (const [turn, { understanding, use }] of turns.entries()) {
    if (turns[turn - 1]?.use === "unused") return { turn, kind: "use" };
    if (understanding !== null && understanding < 1) return { turn, kind: "description" };
    if (use === "repeated" || (use === "wrong" && turn > lastGood)) return { turn, kind: "call" };
  }
  return { turn: last, kind: lastGood < 0 ? "answer" : "use" };
}
