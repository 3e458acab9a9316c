import type { Command } from "commander";
import type { RunSettings } from "../arena/config/config.ts";
import { sceneEvaluator } from "../arena/evaluation.ts";
import { untilAborted } from "../arena/from_abortable.ts";
import { VisplayError } from "../common/errors.ts";
import { drive, interruptible } from "./interrupt.ts";
import { LiveLine } from "./live_line.ts";
import { openModel } from "./model.ts";
import { openRunPolicy, templatesOf } from "./open.ts";
import { addSettings } from "./options.ts";
import { runSettings } from "./run_settings.ts";
import { valueLayer } from "./settings.ts";
import { familiesTable } from "./table.ts";
import { print } from "./terminal.ts";

/** Adds `visplay eval`: how well a model answers questions about held-out scenes. */
export function addEval(program: Command): void {
  const command = program
    .command("eval")
    .description("measure a model on held-out labelled scenes, by families of questions");
  const layers = addSettings(command, ["model", "device"]);
  // Whoever calls for an evaluation wants one, whatever the images of a run are.
  const onScenes = valueLayer("visplay eval", ["images", "folder"], null);
  command.action(() => evaluate(runSettings([...layers(), onScenes])));
}

async function evaluate(settings: RunSettings): Promise<void> {
  using interrupt = interruptible();
  const model = await openModel(settings, interrupt.signal);
  const evaluator = sceneEvaluator(model.config, templatesOf(model));
  if (!evaluator) {
    throw new VisplayError("config", "evaluation.questions: found 0, expected at least 1");
  }
  await using reasoner = await openRunPolicy(model, "reasoner");
  let done = "opening the model";
  using _line = new LiveLine(() => done);
  await drive(evaluator(reasoner).pipe(untilAborted(interrupt.signal)), (update) => {
    if ("report" in update) print(familiesTable(update.report));
    else done = `${update.done} of ${update.total} questions`;
  });
}
