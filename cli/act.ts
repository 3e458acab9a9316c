import type { Command } from "commander";
import { type ActingReport, actIn } from "../arena/acting.ts";
import type { RunSettings } from "../arena/config/config.ts";
import type { EnvironmentStage } from "../arena/config/stages.ts";
import { steadyClock } from "../common/clock.ts";
import { VisplayError } from "../common/errors.ts";
import type { Estimate } from "../replay/events.ts";
import type { Environment } from "../training/environment.ts";
import { openEnvironments } from "./environments.ts";
import { plural } from "./format.ts";
import { interruptible } from "./interrupt.ts";
import { openLabelled } from "./labelled.ts";
import { liveOpening } from "./live_opening.ts";
import { openModel } from "./model.ts";
import { openImages, openRunPolicy, templatesOf } from "./open.ts";
import { nonNegative, positive, whole } from "./option_values.ts";
import { addSettings } from "./options.ts";
import { runSettings } from "./run_settings.ts";
import { valueLayer } from "./settings.ts";
import { print } from "./terminal.ts";

interface Flags {
  readonly tasks: number;
  readonly from: number;
  readonly temperature: number;
  readonly json?: true;
}

/** Adds `visplay act`: how a model does in an environment. */
export function addAct(program: Command): void {
  const command = program
    .command("act")
    .description("play tasks of an environment with a model, and show how it did; trains nothing")
    .option("--tasks <n>", "how many", positive, 200)
    .option(
      "--from <n>",
      "the first of them; a training run that is measured so leaves them out by rows",
      whole,
      0,
    )
    .option("--temperature <t>", "0 says what is likeliest", nonNegative, 0)
    .option("--json", "print JSON");
  const layers = addSettings(command, ["model", "device", "engine", "seed", "environment", "tools"]);
  command.action((flags: Flags) => {
    const stage = valueLayer("visplay act", ["stages"], [{ kind: "environment" }]);
    return act(flags, runSettings([stage, ...layers()]));
  });
}

async function act({ tasks, from, temperature, json }: Flags, settings: RunSettings): Promise<void> {
  using interrupt = interruptible();
  const { signal } = interrupt;
  const model = await openModel(settings, signal);
  const { config } = model;
  using opening = liveOpening(signal, "opening the model");
  const { labelled } = await openLabelled(config, opening);
  const { images } = await openImages(config, opening);
  const materials = { images, templates: templatesOf(model), labelled };
  await using opened = await openEnvironments(config, materials, opening);
  const place = config.stages.findIndex(({ kind }) => kind === "environment");
  if (place < 0)
    throw new VisplayError("config", "stages: found none of kind environment, expected one (--environment)");
  const stage = config.stages[place] as EnvironmentStage;
  const environment = opened.environments[place] as Environment;
  const last = Math.min(from + tasks, environment.tasks);
  if (from >= last)
    throw new VisplayError("config", `--from ${from}: found ${environment.tasks} tasks, expected more`);
  await using policy = await openRunPolicy(model, "reasoner");
  const report = await actIn(policy, environment, stage, {
    ...{ from, tasks: last - from, temperature, seed: config.seed, signal, clock: steadyClock },
    progress: (done) => opening.show(`${done} of ${last - from} tasks`),
  });
  opening[Symbol.dispose]();
  if (json) print(JSON.stringify({ environment: environment.name, model: config.model.name, ...report }));
  else print(reportText(environment.name, report));
}

function reportText(name: string, report: ActingReport): string {
  const { success, understanding, toolUse, parts, faults, failures, violations, charged, safety } = report;
  const share = (value: number): string => `${(100 * value).toFixed(1)}%`;
  const shown = ({ percent, low, high }: Estimate): string =>
    `${percent.toFixed(1)}% (${low.toFixed(1)} to ${high.toFixed(1)})`;
  const rows: (readonly [string, string])[] = [
    ["success", shown(success)],
    ...(understanding ? [["understanding", shown(understanding)] as const] : []),
    ...(toolUse ? [["tool use", shown(toolUse)] as const] : []),
    ...(violations ? [["violations", shown(violations)] as const] : []),
    ...(violations && charged && Object.keys(safety?.vetoes ?? {}).length > 0
      ? [["  without a shield", shown(charged)] as const]
      : []),
    ...Object.entries(safety?.violated ?? {}).map(([name, count]) => [`  of ${name}`, `${count}`] as const),
    ...Object.entries(safety?.vetoes ?? {}).map(([why, count]) => [`vetoes, ${why}`, `${count}`] as const),
    ...(safety?.unlike ? [["unlike pictures", `${safety.unlike}`] as const] : []),
    ["reward", report.meanReward.toFixed(3)],
    ...Object.entries(parts).map(([part, value]) => [`  ${part}`, value.toFixed(3)] as const),
    ["turns", report.meanTurns.toFixed(2)],
    ...(report.meanCalls > 0
      ? [["calls", `${report.meanCalls.toFixed(2)}, ${share(report.failedCalls)} of them wrong`] as const]
      : []),
    ...(report.unfinished > 0 ? [["unfinished", share(report.unfinished)] as const] : []),
    ...Object.entries(failures ?? {}).map(([kind, count]) => [`failed by ${kind}`, `${count}`] as const),
    ...Object.entries(faults).map(([kind, count]) => [`fault ${kind}`, `${count}`] as const),
  ];
  const width = Math.max(...rows.map(([label]) => label.length));
  return [
    `${plural(report.tasks, "task")} of ${name}`,
    ...rows.map(([label, value]) => `${label.padEnd(width)}  ${value}`),
  ].join("\n");
}
