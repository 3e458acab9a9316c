import type { Command } from "commander";
import { addReplayCheck } from "./replay_check.ts";
import { addReplayList } from "./replay_list.ts";
import { addReplayShow } from "./replay_show.ts";

/** Adds `visplay replay`: what a run has recorded, in the terminal. */
export function addReplay(program: Command): void {
  const replay = program.command("replay").description("look at what a run has recorded, and after it");
  for (const add of [addReplayList, addReplayShow, addReplayCheck]) add(replay);
}
