import type { Command } from "commander";
import { examinedCauses } from "../arena/cause_estimates.ts";
import type { RunSettings } from "../arena/config/config.ts";
import { type AnsweredTest, evaluator, type Mark } from "../arena/evaluation.ts";
import { untilAborted } from "../arena/from_abortable.ts";
import { VisplayError } from "../common/errors.ts";
import { watchFit } from "../environments/verifier_fit.ts";
import { givenBy } from "../environments/verify.ts";
import type { EvaluationReport } from "../replay/events.ts";
import { named } from "../replay/scores.ts";
import { causesText } from "./causes.ts";
import { openCheckers } from "./checkers.ts";
import { drive, interruptible } from "./interrupt.ts";
import { openEncoder } from "./labelled.ts";
import { LiveLine } from "./live_line.ts";
import { openModel } from "./model.ts";
import { requireNewFile } from "./new_output.ts";
import { openRunPolicy, templatesOf } from "./open.ts";
import { addSettings } from "./options.ts";
import { PredictionFile } from "./prediction_file.ts";
import { runSettings } from "./run_settings.ts";
import { valueLayer } from "./settings.ts";
import { familiesTable, modelCausesTable, modelLookingTable } from "./table.ts";
import { print } from "./terminal.ts";
import { openTests } from "./tests.ts";

/** Adds `visplay eval`: how well a model answers questions about held-out scenes, or a user's own. */
export function addEval(program: Command): void {
  const command = program
    .command("eval")
    .description("measure a model on labelled data, or on held-out scenes, by groups of questions")
    .option(
      "--out <file>",
      "write every prediction to this new file: JSONL, or Parquet where it is FILE.parquet",
    )
    .option("--json", "print every figure with its interval as JSON");
  const names = ["data", "limit", "samples", "columns", "verifier", "groupBy"] as const;
  const layers = addSettings(command, ["model", "device", "engine", ...names]);
  // Whoever calls for an evaluation wants one, whatever the images of a run are, and of all their data.
  const onScenes = valueLayer("visplay eval", ["images", "data"], null);
  command.action(({ out, json }: EvalFlags) => {
    const given = [...layers(), onScenes];
    const { data, questions } = runSettings(given).evaluation;
    const all =
      data !== null && questions === null
        ? [valueLayer("visplay eval", ["evaluation", "questions"], everyRow)]
        : [];
    return evaluate(runSettings([...given, ...all]), out ?? null, json ? asJson : asTables);
  });
}

interface EvalFlags {
  readonly out?: string;
  readonly json?: boolean;
}

const everyRow = 1_000_000_000;

function asJson(report: EvaluationReport): string {
  const { samples, overall, families, looking, calibration, outcomes } = report;
  const all = named({ ...overall }, samples);
  const groups = Object.entries(families).map(([name, scores]) => [name, named({ ...scores }, samples)]);
  const attribution = examinedCauses(report);
  const figures = {
    samples,
    overall: all,
    families: Object.fromEntries(groups),
    looking,
    calibration,
    attribution,
    outcomes,
  };
  return JSON.stringify(figures, null, 2);
}

function asTables(report: EvaluationReport): string {
  const looks = modelLookingTable(report);
  const causes = causesText(modelCausesTable(report), examinedCauses(report)?.overall);
  return [familiesTable(report), ...(looks === null ? [] : ["", looks]), ...causes].join("\n");
}

async function evaluate(
  settings: RunSettings,
  out: string | null,
  textOf: (report: EvaluationReport) => string,
): Promise<void> {
  if (out !== null) requireNewFile(out);
  using interrupt = interruptible();
  const model = await openModel(settings, interrupt.signal);
  const { config } = model;
  let done = "opening the model";
  using line = new LiveLine(() => done);
  const show = (text: string): void => {
    done = text;
  };
  const say = (text: string): void => line.say(text);
  const opening = { signal: interrupt.signal, say, show };
  const tests = await openTests(config, opening);
  await using checks = await openCheckers(config, opening);
  await using predictions = out === null ? null : await PredictionFile.create(out);
  const judged = watchFit(config.evaluation, say);
  const take = (answered: AnsweredTest, mark: Mark): void => {
    predictions?.add(answered, mark);
    const { test, greedy } = answered;
    judged([{ ...test, given: givenBy(greedy), correctness: mark.greedy }]);
  };
  const asking = {
    templates: templatesOf(model),
    encode: await openEncoder(model),
    checkers: checks.checkers,
  };
  const measure = evaluator(config, tests.of(config.evaluation), asking, take);
  if (!measure) {
    throw new VisplayError("config", "evaluation.questions: found 0, expected at least 1");
  }
  await using reasoner = await openRunPolicy(model, "reasoner");
  await drive(measure(reasoner).pipe(untilAborted(interrupt.signal)), (update) => {
    if ("report" in update) print(textOf(update.report));
    else show(`${update.done} of ${update.total} questions`);
  });
  await predictions?.keep();
}
