import type { Command } from "commander";
import { VisplayError } from "../common/errors.ts";
import { interruptible } from "./interrupt.ts";
import { addSettings } from "./options.ts";
import { playRun } from "./play_run.ts";
import { differences, pinsOf, RunFolder, requireWork, savedSettings } from "./run_folder.ts";
import { runSettings } from "./run_settings.ts";
import type { Layer } from "./settings.ts";
import { say } from "./terminal.ts";

/** Adds `visplay resume`: a run goes on from its last checkpoint as if it had never stopped. */
export function addResume(program: Command): void {
  const command = program
    .command("resume")
    .argument("<run>", "folder of the run")
    .description("go on with a run that was stopped or killed, exactly as it would have gone on");
  const layers = addSettings(command, ["rounds"]);
  command
    .option("--allow", "go on with other settings, images, prompts or base weights than before")
    .action((run: string, { allow }: { allow?: true }) => resume(run, layers(), allow ?? false));
}

async function resume(run: string, layers: readonly Layer[], allow: boolean): Promise<void> {
  using interrupt = interruptible();
  const stored = await savedSettings(run);
  const config = runSettings([stored, ...layers]);
  await using folder = await RunFolder.reopen(run, say);
  const saved = await folder.lastCheckpoint(say);
  // Not those that are stored now: somebody may have edited them since.
  const played = saved ? { values: saved.config, where: () => `checkpoint ${saved.id}` } : stored;
  const changed = differences(runSettings([played]), config);
  if (changed.length > 0 && !allow) {
    const message = `${run} was played with other settings; go on with the same, or say --allow:`;
    throw new VisplayError("config", [message, ...changed].join("\n  "));
  }
  requireWork(run, saved, config, "--allow");
  const earlier = { run, had: pinsOf(run), allow };
  await playRun(config, interrupt, earlier, (found, tell) => folder.goOn(found, saved, tell));
}
