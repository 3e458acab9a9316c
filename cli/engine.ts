import CliTable from "cli-table3";
import type { Command } from "commander";
import { VisplayError } from "../common/errors.ts";
import { type Finding, findingsOf } from "./engine_fit.ts";
import { engineClient, reportOf, sequenceTools, sharesServer } from "./engine_policy.ts";
import { plural } from "./format.ts";
import { interruptible } from "./interrupt.ts";
import { LiveLine } from "./live_line.ts";
import { openModel } from "./model.ts";
import { addSettings } from "./options.ts";
import { runSettings } from "./run_settings.ts";
import { type Layer, valueLayer } from "./settings.ts";
import { print } from "./terminal.ts";

/** Adds `visplay engine`: servers that sample and train in place of this machine. */
export function addEngine(program: Command): void {
  const engine = program
    .command("engine")
    .description("servers that sample and train in place of this machine");
  const check = engine
    .command("check")
    .argument("<url>", "address of a Tinker-API server")
    .description("find out by trying what a server can, and whether a run of the settings will work with it");
  const layers = addSettings(check, ["model"]);
  check.action((url: string) => {
    const address = valueLayer(`engine check ${url}`, ["engine"], { kind: "tinker", url });
    return checkServer(url, [...layers(), address]);
  });
}

async function checkServer(url: string, layers: readonly Layer[]): Promise<void> {
  using interrupt = interruptible();
  const model = await openModel(runSettings(layers), interrupt.signal);
  const { config } = model;
  const tools = await sequenceTools(model);
  const client = engineClient(config, "reasoner");
  using line = new LiveLine(() => `trying ${url}`);
  const report = await reportOf(client, config, "reasoner", tools, interrupt.signal);
  line[Symbol.dispose]();
  const findings = findingsOf(report, config, sharesServer(config));
  const { models } = report;
  if (models.length > 0) print(`models: ${models.join(", ")}`);
  print(tableOf(findings));
  const refused = findings.filter(({ refusal }) => refusal !== null);
  if (refused.length === 0) return print("a run of these settings will work");
  const message = `a run of these settings will not work with ${url}: ${plural(refused.length, "reason")}, above`;
  throw new VisplayError("engine", message);
}

function tableOf(findings: readonly Finding[]): string {
  const table = new CliTable({
    head: ["", "found", "for a run"],
    style: { head: [], border: [] },
    wordWrap: true,
  });
  for (const { what, found, refusal } of findings) table.push([what, found, refusal ?? "works"]);
  return table.toString();
}
