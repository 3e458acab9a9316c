import { join } from "node:path";
import type { Command } from "commander";
import { RunConfigSchema } from "../arena/config.ts";
import { interruptible } from "./interrupt.ts";
import { addSettings } from "./options.ts";
import { playRun } from "./play_run.ts";
import { checkpointToFork, RunFolder, requireWork, savedSettings } from "./run_folder.ts";
import { type Layer, resolve, valueLayer } from "./settings.ts";
import { say } from "./terminal.ts";

/** Adds `visplay train`: rounds of self-play from a model and unlabelled images to a better model. */
export function addTrain(program: Command): void {
  const command = program
    .command("train")
    .description("play rounds of self-play on unlabelled images, and show what they changed");
  const layers = addSettings(command, ["images", "model", "device", "rounds", "out", "seed", "metricsPort"]);
  command
    .option("--fork-from <run>", "start from a run's latest checkpoint, or from RUN/checkpoints/NAME")
    .action(({ forkFrom }: { forkFrom?: string }) => train(layers(), forkFrom));
}

async function train(layers: readonly Layer[], forkFrom: string | undefined): Promise<void> {
  using interrupt = interruptible();
  const fork = forkFrom === undefined ? null : await checkpointToFork(forkFrom, say);
  const inherited = fork ? [await savedSettings(fork.run), valueLayer("--fork-from", ["out"], null)] : [];
  const settings = resolve(RunConfigSchema, [...inherited, ...layers]);
  if (fork) requireWork(fork.run, fork.saved, settings);
  const path = settings.out ?? join("runs", new Date().toISOString().slice(0, 19).replace(/[T:]/g, "-"));
  await playRun(settings, interrupt, async (config, tell) => {
    const folder = await RunFolder.create(path, tell);
    return folder.begin(config, fork?.saved);
  });
}
