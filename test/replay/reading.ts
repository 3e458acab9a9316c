import type { RunEvent } from "../../replay/events.ts";
import { ReplayReader } from "../../replay/reader.ts";
import { type Outcome, runProgram } from "../built.ts";

/** What `visplay replay check` says. */
export function check(folder: string): Promise<Outcome> {
  return runProgram(["replay", "check", folder]);
}

/** Every event that can be read, but superseded ones. */
export function survivors(folder: string): RunEvent[] {
  using reader = ReplayReader.open(folder);
  return [...reader.events()].map(({ event }) => event);
}
