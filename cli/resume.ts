import type { Command } from "commander";
import { RunConfigSchema } from "../arena/config.ts";
import { VisplayError } from "../common/errors.ts";
import { interruptible } from "./interrupt.ts";
import { addSettings } from "./options.ts";
import { playRun } from "./play_run.ts";
import { differences, RunFolder, savedSettings } from "./run_folder.ts";
import { type Layer, resolve } from "./settings.ts";

/** Adds `visplay resume`: a run goes on from its last checkpoint as if it had never stopped. */
export function addResume(program: Command): void {
  const command = program
    .command("resume")
    .argument("<run>", "folder of the run")
    .description("go on with a run that was stopped or killed, exactly as it would have gone on");
  const layers = addSettings(command, ["rounds"]);
  command
    .option("--allow", "go on with other settings than before")
    .action((run: string, { allow }: { allow?: true }) => resume(run, layers(), allow ?? false));
}

async function resume(run: string, layers: readonly Layer[], allow: boolean): Promise<void> {
  using interrupt = interruptible();
  const saved = await savedSettings(run);
  const before = resolve(RunConfigSchema, [saved]);
  const settings = resolve(RunConfigSchema, [saved, ...layers]);
  const changed = differences(before, settings);
  if (changed.length > 0 && !allow)
    throw new VisplayError(
      "config",
      [`${run} was started with other settings; go on with the same, or say --allow:`, ...changed].join(
        "\n  ",
      ),
    );
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  await using folder = await RunFolder.reopen(run, say);
  await playRun(settings, interrupt, (config, tell) => folder.goOn(config, tell));
}
