import { join } from "node:path";
import type { Command } from "commander";
import { interruptible } from "./interrupt.ts";
import { addSettings, untilCurriculumOption } from "./options.ts";
import { playRun } from "./play_run.ts";
import { checkpointToFork, type Fork, hasWork, noRoundsError, pinsOf, RunFolder } from "./run_folder.ts";
import { recordOf, savedSettings } from "./run_record.ts";
import { runSettings } from "./run_settings.ts";
import { type Layer, valueLayer } from "./settings.ts";
import { say } from "./terminal.ts";

/** Adds `visplay train`: a run's stages, rounds of self-play on unlabelled images by default. */
export function addTrain(program: Command): void {
  const command = program
    .command("train")
    .description("play rounds of self-play on unlabelled images, and show what they changed");
  const layers = addSettings(command, [
    "images",
    "model",
    "device",
    "engine",
    "rounds",
    "out",
    "seed",
    "metricsPort",
  ]);
  command
    .option("--fork-from <run>", "start from a run's latest checkpoint, or from RUN/checkpoints/NAME")
    .option("--allow", "with --fork-from: go on with another model, other prompts or images than before")
    .option(...untilCurriculumOption)
    .action((flags: TrainFlags) => train(layers(), flags));
}

interface TrainFlags {
  readonly forkFrom?: string;
  readonly allow?: boolean;
  readonly untilCurriculum?: boolean;
}

/** Plays a run by layers of settings. */
export async function train(
  layers: readonly Layer[],
  { forkFrom, allow = false, untilCurriculum = false }: TrainFlags = {},
): Promise<void> {
  using interrupt = interruptible();
  const fork = forkFrom === undefined ? null : await checkpointToFork(forkFrom, say);
  const inherited = fork ? [await settingsOf(fork), valueLayer("--fork-from", ["out"], null)] : [];
  const settings = runSettings([...inherited, ...layers]);
  if (fork && !hasWork(fork.saved, settings)) throw noRoundsError(fork.run, settings);
  const path = settings.out ?? join("runs", new Date().toISOString().slice(0, 19).replace(/[T:]/g, "-"));
  const earlier = fork && { run: fork.run, had: pinsOf(fork.run), allow };
  await playRun(
    settings,
    interrupt,
    { earlier, saved: fork?.saved ?? null, untilCurriculum },
    async (config, opening) => {
      const folder = await RunFolder.create(path, opening.say);
      return folder.begin(config, fork, opening);
    },
  );
}

async function settingsOf({ run, saved }: Fork): Promise<Layer> {
  const { stored } = await savedSettings(run, { saved, record: recordOf(run) }, say);
  return stored;
}
