import { hostname } from "node:os";
import { isAlive } from "../common/processes.ts";
import { type Beat, readBeat } from "./beat.ts";

/**
 * How a run is: as it said last, unless it is no longer there to say so. "died" is known (its process is gone);
 * "silent" is not (it beats no more, but its process lives, or it ran on another machine).
 */
export type Condition = Beat["state"] | "died" | "silent";

export interface Status extends Beat {
  readonly condition: Condition;
  /** Since the last beat, by the time of day; below 0 where that was set back. */
  readonly silentMs: number;
}

/** What judging a beat needs of the machine. */
export interface Machine {
  readonly host: string;
  wallMs(): number;
  isAlive(pid: number): boolean;
}

const thisMachine: Machine = { host: hostname(), wallMs: Date.now, isAlive };

/** Milliseconds without a beat after which a run is not taken to be running; a busy disk may delay a few beats. */
const SILENCE_MS = 15_000;

/** How the run of a folder is. Throws "notARun" as `readBeat` does. */
export async function readStatus(folder: string, machine: Machine = thisMachine): Promise<Status> {
  const beat = await readBeat(folder);
  const silentMs = machine.wallMs() - beat.beatAtMs;
  return { condition: conditionOf(beat, silentMs, machine), silentMs, ...beat };
}

/**
 * The process is asked only when the beat is not fresh, for its number may mean nothing here (in another container)
 * and another process may have it by now. A beat from the future is not fresh: the time of day was set back.
 */
function conditionOf({ state, host, pid }: Beat, silentMs: number, machine: Machine): Condition {
  if (state !== "running" || Math.abs(silentMs) < SILENCE_MS) return state;
  return host === machine.host && !machine.isAlive(pid) ? "died" : "silent";
}
