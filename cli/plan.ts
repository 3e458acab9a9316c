import { readdir, stat } from "node:fs/promises";
import { totalmem } from "node:os";
import { join } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { type RunSettings, RunSettingsSchema } from "../arena/config/config.ts";
import { withoutSecrets } from "../arena/config/watch.ts";
import { evaluator } from "../arena/evaluation.ts";
import { steadyClock } from "../common/clock.ts";
import { VisplayError } from "../common/errors.ts";
import { freeBytes } from "../common/free_bytes.ts";
import { adapterRank } from "../policy/parallel/open_policy.ts";
import { countNumbers } from "../policy/weights/safetensors.ts";
import { baseOf } from "../training/grpo.ts";
import { estimate } from "./estimate.ts";
import { interruptible } from "./interrupt.ts";
import { LiveLine } from "./live_line.ts";
import { openModel, type WithModel } from "./model.ts";
import { openImages, openRunPolicy, templatesOf } from "./open.ts";
import { addSettings } from "./options.ts";
import { sayPictures } from "./pictures.ts";
import { type Plan, planText } from "./plan_text.ts";
import type { ProbePorts } from "./probe.ts";
import { probes } from "./probes.ts";
import { runSettings } from "./run_settings.ts";
import { toYaml } from "./schema.ts";
import { print } from "./terminal.ts";
import { openTests } from "./tests.ts";

/** Adds `visplay plan`: what a run would do and cost, from a short measured probe; trains and writes nothing. */
export function addPlan(program: Command): void {
  const command = program
    .command("plan")
    .description("print the configuration, steps, time, memory and disk of a run; trains and writes nothing")
    .option("--json", "as JSON")
    .option("--seconds <n>", "time that it may take; a longer probe knows more", wholeSeconds, 120);
  const layers = addSettings(command, ["images", "model", "device", "rounds", "out", "seed"]);
  command.action(async ({ json, seconds }: { json?: true; seconds: number }) => {
    const endMs = steadyClock.now() + 1000 * seconds;
    using interrupt = interruptible();
    const settings = withoutSecrets(runSettings(layers()));
    requireSelfPlay(settings);
    const model = await openModel(settings, interrupt.signal);
    const { config } = model;
    const plan = await makePlan(model, interrupt.signal, endMs);
    if (json) print(JSON.stringify({ config, ...plan }, null, 2));
    else print(`${toYaml(RunSettingsSchema, config)}\n${planText(config, plan)}`);
  });
}

/** A probe plays the beginning of self-play, and nothing else. */
function requireSelfPlay({ stages }: RunSettings): void {
  const other = stages.find(({ kind }) => kind !== "self_play");
  if (!other) return;
  const found = `stages: found ${other.kind}, expected self_play alone, for that is what a probe measures`;
  throw new VisplayError("config", `${found}; a run shows what its other stages take as it goes`);
}

async function makePlan(model: WithModel, signal: AbortSignal, endMs: number): Promise<Plan> {
  const { config, folder, base } = model;
  let doing = "opening the model";
  using line = new LiveLine(() => doing);
  const startedMs = steadyClock.now();
  const opening = {
    signal,
    say: (text: string) => line.say(text),
    show: (text: string) => {
      doing = text;
    },
  };
  const { images, truth } = await openImages(config, opening);
  await sayPictures(model, images, opening.say);
  const tests = await openTests(config, opening);
  doing = "opening the model";
  const templates = templatesOf(model);
  await using questioner = await openRunPolicy(model, "questioner");
  await using reasoner = await openRunPolicy(model, "reasoner");
  const openMs = steadyClock.now() - startedMs;
  const adapted = base !== folder || (await adapterRank(config.adapter.rank, base)) > 0;
  const saved = adapted ? 4 * (await reasoner.info()).parameters : await savedBytes(base);
  const opened = process.memoryUsage.rss();

  const ports: ProbePorts = {
    policies: { questioner, reasoner },
    reference: baseOf(questioner),
    ...{ images, truth, templates, clock: steadyClock },
    evaluator: (short) => evaluator(short, tests.of(short.evaluation), templates),
  };
  const found = await probes(config, ports, {
    signal,
    until: AbortSignal.timeout(Math.max(1, Math.ceil(endMs - steadyClock.now()))),
    endMs,
    say: opening.show,
  });
  return {
    ...estimate(config, images.length, found, saved),
    images: images.length,
    probe: found,
    openMs,
    residentBytes: { opened, peak: 1024 * process.resourceUsage().maxRSS },
    machine: { memoryBytes: totalmem(), freeDiskBytes: await freeBytes(config.out ?? "runs") },
  };
}

function wholeSeconds(text: string): number {
  const seconds = Number(text);
  if (Number.isInteger(seconds) && seconds > 0) return seconds;
  throw new InvalidArgumentError("expected whole seconds, at least 1");
}

/** Bytes of a model folder as a run saves it: every number in 32 bits, and the other files as they are. */
async function savedBytes(folder: string): Promise<number> {
  const files = await readdir(folder);
  const sizes = files.map(async (file) => {
    const path = join(folder, file);
    return file.endsWith(".safetensors") ? 4 * (await countNumbers(path)) : (await stat(path)).size;
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
