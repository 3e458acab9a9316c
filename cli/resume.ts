import type { Command } from "commander";
import { VisplayError } from "../common/errors.ts";
import { release } from "../common/release.ts";
import { differences } from "./differences.ts";
import { interruptible } from "./interrupt.ts";
import { addSettings, untilCurriculumOption } from "./options.ts";
import { playRun } from "./play_run.ts";
import { hasWork, noRoundsError, pinsOf, RunFolder } from "./run_folder.ts";
import { recordOf, savedSettings } from "./run_record.ts";
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
    .option(...untilCurriculumOption)
    .action((run: string, { allow = false, untilCurriculum = false }: Flags) =>
      resume(run, layers(), { allow, untilCurriculum }),
    );
}

interface Flags {
  readonly allow?: boolean;
  readonly untilCurriculum?: boolean;
}

async function resume(
  run: string,
  layers: readonly Layer[],
  { allow, untilCurriculum }: Required<Flags>,
): Promise<void> {
  using interrupt = interruptible();
  await using folder = await RunFolder.reopen(run, say);
  const record = recordOf(run);
  const saved = await folder.lastCheckpoint(record, say);
  const { stored, played } = await savedSettings(run, { saved, record }, say);
  const config = runSettings([stored, ...layers]);
  // Not those that are stored now: somebody may have edited them since.
  const changed = differences(runSettings([played]), config);
  if (changed.length > 0 && !allow) {
    const message = `${run} was played with other settings; go on with the same, or say --allow:`;
    throw new VisplayError("config", [message, ...changed].join("\n  "));
  }
  // One that was killed right before its end has that left to record.
  if (!hasWork(saved, config) && record.hasFinished) throw noRoundsError(run, config, "--allow");
  if (record.release !== null && record.release !== release)
    say(`${run} was played by release ${record.release}; this is ${release}, whose results may differ`);
  const earlier = { run, had: pinsOf(run), allow };
  await playRun(config, interrupt, { earlier, saved, untilCurriculum }, (found, opening) =>
    folder.goOn(found, saved, opening),
  );
}
