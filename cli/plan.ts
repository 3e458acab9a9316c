import { type Command, InvalidArgumentError } from "commander";
import { RunSettingsSchema } from "../arena/config/config.ts";
import { withoutSecrets } from "../arena/config/watch.ts";
import { steadyClock } from "../common/clock.ts";
import { interruptible } from "./interrupt.ts";
import { openModel } from "./model.ts";
import { addSettings } from "./options.ts";
import { planText } from "./plan_text.ts";
import { makePlan } from "./run_plan.ts";
import { runSettings } from "./run_settings.ts";
import { toYaml } from "./schema.ts";
import { print } from "./terminal.ts";

/** Adds `visplay plan`: what a run would do and cost, from short measured probes; trains and writes nothing. */
export function addPlan(program: Command): void {
  const command = program
    .command("plan")
    .description("print the configuration, steps, time, memory and disk of a run; trains and writes nothing")
    .option("--json", "as JSON")
    .option("--seconds <n>", "time that it may take; longer probes know more", wholeSeconds, 120);
  const layers = addSettings(command, ["images", "model", "device", "rounds", "out", "seed"]);
  command.action(async ({ json, seconds }: { json?: true; seconds: number }) => {
    const endMs = steadyClock.now() + 1000 * seconds;
    using interrupt = interruptible();
    const settings = withoutSecrets(runSettings(layers()));
    const model = await openModel(settings, interrupt.signal);
    const { config } = model;
    const plan = await makePlan(model, interrupt.signal, endMs);
    if (json) print(JSON.stringify({ config, ...plan }, null, 2));
    else print(`${toYaml(RunSettingsSchema, config)}\n${planText(config, plan)}`);
  });
}

function wholeSeconds(text: string): number {
  const seconds = Number(text);
  if (Number.isInteger(seconds) && seconds > 0) return seconds;
  throw new InvalidArgumentError("expected whole seconds, at least 1");
}
