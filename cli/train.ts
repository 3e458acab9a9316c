import { join } from "node:path";
import type { Command } from "commander";
import { play } from "../arena/arena.ts";
import { type RunConfig, RunConfigSchema } from "../arena/config.ts";
import { sceneEvaluator } from "../arena/evaluation.ts";
import { emptySummary, summarize, summarizing } from "../arena/summary.ts";
import { replaceFile } from "../replay/disk.ts";
import { ReplayStore } from "../replay/store.ts";
import { drive, interruptible } from "./interrupt.ts";
import { LiveLine } from "./live_line.ts";
import { openImages, openRunPolicy, openTemplates } from "./open.ts";
import { addSettings } from "./options.ts";
import { Progress } from "./progress.ts";
import { toYaml } from "./schema.ts";
import { resolve } from "./settings.ts";
import { roundsTable } from "./table.ts";

/** Adds `visplay train`: rounds of self-play from a model and unlabelled images to a better model. */
export function addTrain(program: Command): void {
  const command = program
    .command("train")
    .description("play rounds of self-play on unlabelled images, and show what they changed");
  const layers = addSettings(command, ["images", "model", "rounds", "out", "seed"]);
  command.action(() => train(resolve(RunConfigSchema, layers())));
}

async function train(config: RunConfig): Promise<void> {
  using interrupt = interruptible();
  const { signal } = interrupt;
  const progress = new Progress(config);
  using line = new LiveLine((nowMs) => progress.line(nowMs), process.stderr);

  const { images, truth } = await openImages(config, (text) => line.say(text), signal);
  const templates = await openTemplates(config);
  await using questioner = await openRunPolicy(config, "questioner");
  await using reasoner = await openRunPolicy(config, "reasoner");
  const folder = config.out ?? join("runs", new Date().toISOString().slice(0, 19).replace(/[T:]/g, "-"));
  await using replay = await ReplayStore.create(folder);
  await replaceFile(join(folder, "config.yaml"), toYaml(RunConfigSchema, config));
  line.say(`run ${folder}`);

  let summary = emptySummary;
  const run = play(config, {
    policies: { questioner, reasoner },
    images,
    truth,
    templates,
    folder,
    log: summarizing(replay, folder),
    clock: Date,
    evaluate: sceneEvaluator(config, templates),
  });
  try {
    await drive(
      run,
      (event) => {
        summary = summarize(summary, event);
        const text = progress.apply(event);
        if (text) line.say(text);
      },
      signal,
    );
  } finally {
    line[Symbol.dispose]();
    if (summary.rounds.length > 0) console.log(`\n${roundsTable(summary, config.evaluation.samples)}\n`);
    console.log(`the run's folder: ${folder}`);
  }
}
