import type { Completion, ReadTurn } from "../policy/port.ts";
import { type Failure, failureOf } from "../rewards/failure.ts";
import type { Parts } from "../rewards/parts.ts";
import { type CallUse, callUses } from "../rewards/tool_use.ts";
import type { Call } from "./environment.ts";

/** A turn of a policy, and the texts that it read then. */
export interface ActedTurn extends Pick<Completion, "text"> {
  readonly parts: Parts;
  readonly call: Call | null;
  /** Whether it was cut off. */
  readonly truncated: boolean;
  readonly heard: readonly string[];
}

/** A trajectory at its end. */
export interface Acted {
  readonly turns: readonly ActedTurn[];
  /** What became of each turn's call; null for a turn without one. */
  readonly uses: readonly (CallUse | null)[];
  readonly success: boolean;
}

/** What a trajectory earns as a whole, by name, in place of what its last turn earned under the same name. */
export type TrajectoryJudge = (acted: Acted) => Parts;

/** A trajectory at its end; `prompt` is what was read first. */
export function actedOf(prompt: readonly ReadTurn[], turns: readonly ActedTurn[], success: boolean): Acted {
  return { turns, uses: callUses(textsIn(prompt).join("\n"), turns), success };
}

/** Where one that did not succeed began to fail; null where it did. */
export function failureIn({ turns, uses, success }: Acted): Failure | null {
  if (success) return null;
  return failureOf(
    turns.map(({ parts }, i) => ({ understanding: parts.understanding ?? null, use: uses[i] ?? null })),
  );
}

export function textsIn(turns: readonly ReadTurn[]): string[] {
  return turns.flatMap(({ parts }) => parts.filter((part) => typeof part === "string"));
}
