/**
 * `npm run bench:engine`: what one Node process can drive of a distributed engine, and what of a step its GPUs wait for it: a
 * discrete-event model of steps, fed with what this process does here and with an engine's speeds as they are given.
 */
import { Option, program } from "commander";
import { RandomStream } from "../../common/random.ts";
import { digits, type Figures, figuresTable, table, writeFigures } from "../figures.ts";
import { scratchFolder } from "../models.ts";
import {
  type ClientFigures,
  measureClient,
  measureReplay,
  type ReplayFigures,
  type StepSize,
} from "./one_process.ts";
import type { SampledGroup } from "./replica.ts";
import { type Engine, type Orchestration, simulateStep, waitShare } from "./step_model.ts";

/** What is given of an engine, with its default and where that is from. */
const given = {
  parameters3b: [3.75e9, "parameters", "Qwen2.5-VL-3B, card on the hub"],
  parameters7b: [8.29e9, "parameters", "Qwen2.5-VL-7B, card on the hub"],
  sampling3b: [12_000, "tokens/s per GPU", "assumed: an H100 with a full batch"],
  sampling7b: [6_000, "tokens/s per GPU", "assumed: an H100 with a full batch"],
  sequence3b: [150, "tokens/s of one sequence", "assumed"],
  sequence7b: [90, "tokens/s of one sequence", "assumed"],
  prefillUtilization: [0.4, "share of the peak", "assumed"],
  trainingUtilization: [0.3, "share of the peak", "assumed: FSDP with short sequences"],
  peak: [989e12, "FLOP/s per GPU", "NVIDIA H100 SXM data sheet, dense bfloat16"],
  slots: [256, "sequences per GPU", "vLLM, max_num_seqs"],
  publish: [25e9, "bytes/s", "assumed: weights over a 200 Gbit/s network, in bfloat16"],
  roundTrip: [2, "ms", "assumed: within a data centre"],
  imageTokens: [324, "tokens", "Qwen2.5-VL: 504 x 504 pixels, 28 x 28 a token"],
  promptTokens: [150, "tokens", "assumed, beside the image"],
  completionTokens: [300, "tokens, mean", "assumed; lengths are log-normal with sigma 0.6"],
  longestTokens: [1024, "tokens at most", "assumed"],
} as const satisfies Readonly<Record<string, readonly [number, string, string]>>;

type Given = Readonly<Record<keyof typeof given, number>>;

const side = 504;
const models = ["3b", "7b"] as const;
const gpuCounts = [8, 64, 512] as const;
/** A thread that is busy for more of a step is what the engine waits for. */
const SATURATED = 0.9;
const MOST_GPUS = 2 ** 16;

const command = program
  .name("npm run bench:engine --")
  .description("what one Node process can drive of a distributed engine; leave the machine alone meanwhile")
  .option("--json <file>", "where to write the figures")
  .option("--groups <n>", "groups of a step", Number, 512)
  .option("--samples <n>", "completions of each", Number, 8)
  .option("--window <n>", "groups that are asked for at once", Number, 512)
  .option("--requests <n>", "requests that are measured", Number, 1000);
for (const [name, [value, unit, source]] of Object.entries(given))
  command.addOption(
    new Option(`--${kebab(name)} <n>`, `${unit} (${source})`).default(value).argParser(Number),
  );
const options = command
  .parse()
  .opts<Given & { json?: string; groups: number; samples: number; window: number; requests: number }>();

const { groups: groupCount, samples, window } = options;
const size: StepSize = { groups: groupCount, samples, tokens: options.completionTokens, side };
await using scratch = await scratchFolder();
process.stderr.write("requests of one process …\n");
const client = await measureClient(size, options.requests);
process.stderr.write("the replay …\n");
const replay = await measureReplay(scratch.path, size, 4);
const orchestration = orchestrationOf(client, replay);
const figures: Figures = { ...inputs(), ...measured(), ...simulated() };
console.log(
  `\n${table(Object.entries(given).map(([name, [, unit, source]]) => [name, digits(options[name as keyof Given]), `${unit} · ${source}`]))}`,
);
console.log(`\n${figuresTable(figures)}`);
if (options.json) await writeFigures(options.json, figures);

/** Of the two ways of a request, the picture goes with the first; an update sends each group once more. */
function orchestrationOf({ threadS }: ClientFigures, { threadS: recordS }: ReplayFigures): Orchestration {
  return { sendS: threadS / 2, receiveS: threadS / 2 + recordS, updateS: threadS / 2, window };
}

function inputs(): Figures {
  return Object.fromEntries(
    Object.entries(given).map(([name, [, unit, source]]) => [
      `given_${kebab(name).replaceAll("-", "_")}`,
      { value: options[name as keyof Given], unit: source.startsWith("assumed") ? `${unit}, assumed` : unit },
    ]),
  );
}

function measured(): Figures {
  return {
    requests_per_s: { value: client.perSecond, unit: "groups/s" },
    request_thread_ms: { value: 1000 * client.threadS, unit: "ms" },
    requests_most_per_s: {
      value: 1 / (orchestration.sendS + orchestration.receiveS + orchestration.updateS),
      unit: "groups/s",
    },
    image_bytes: { value: client.imageBytes, unit: "bytes" },
    peak_mb: { value: client.peakBytes / 1e6, unit: "MB" },
    replay_rows_per_s: { value: replay.rowsPerSecond, unit: "completions/s" },
    replay_thread_ms: { value: 1000 * replay.threadS, unit: "ms per group" },
  };
}

function simulated(): Figures {
  const found: Record<string, Figures[string]> = {};
  for (const model of models) {
    for (const gpus of gpuCounts) {
      const groups = drawGroups(groupCount);
      const engine = engineOf(model, gpus);
      const step = simulateStep(groups, engine, orchestration);
      const name = `${model}_${gpus}_gpus`;
      found[`step_${name}`] = { value: step.seconds, unit: "s" };
      found[`wait_${name}`] = { value: waitShare(groups, engine, orchestration), unit: "share of a step" };
      found[`thread_${name}`] = { value: step.busyS / step.seconds, unit: "share of a step" };
      const rows = (groupCount * samples) / step.seconds;
      found[`replay_${name}`] = { value: rows / replay.rowsPerSecond, unit: "share of what the writer can" };
    }
    found[`saturated_${model}`] = { value: saturation(model), unit: "GPUs, with 8 groups a GPU" };
  }
  return found;
}

/** The GPUs, doubled, at which the thread is busy all the time where the batch grows with them; the most looked at where none are. */
function saturation(model: (typeof models)[number]): number {
  for (let gpus = 8; gpus < MOST_GPUS; gpus *= 2) {
    const step = simulateStep(drawGroups(8 * gpus), engineOf(model, gpus), {
      ...orchestration,
      window: 8 * gpus,
    });
    if (step.busyS / step.seconds >= SATURATED) return gpus;
  }
  return MOST_GPUS;
}

/** An engine whose GPUs sample, one replica each, and then learn, all together. */
function engineOf(model: (typeof models)[number], gpus: number): Engine {
  const parameters = model === "3b" ? options.parameters3b : options.parameters7b;
  const ofPeak = (share: number): number => share * options.peak;
  return {
    replicas: gpus,
    speed: {
      tokensPerSecond: model === "3b" ? options.sampling3b : options.sampling7b,
      sequenceTokensPerSecond: model === "3b" ? options.sequence3b : options.sequence7b,
      prefillTokensPerSecond: ofPeak(options.prefillUtilization) / (2 * parameters),
      slots: options.slots,
    },
    roundTripS: options.roundTrip / 1000,
    // Forward and backward, and the reference's forward: 8 FLOP a parameter and token.
    updateS: (tokens) => (8 * parameters * tokens) / (gpus * ofPeak(options.trainingUtilization)),
    publishS: (2 * parameters) / options.publish,
  };
}

function drawGroups(count: number): SampledGroup[] {
  const stream = new RandomStream(count);
  const sigma = 0.6;
  const mean = Math.log(options.completionTokens) - sigma ** 2 / 2;
  const length = (): number =>
    Math.min(options.longestTokens, Math.max(1, Math.round(Math.exp(mean + sigma * normal(stream)))));
  const promptTokens = options.imageTokens + options.promptTokens;
  return Array.from({ length: count }, () => ({
    promptTokens,
    lengths: Array.from({ length: samples }, length),
  }));
}

/** Box and Muller. */
function normal(stream: RandomStream): number {
  return Math.sqrt(-2 * Math.log(1 - stream.uniform())) * Math.cos(2 * Math.PI * stream.uniform());
}

function kebab(name: string): string {
  return name.replace(/(?<=[a-z])([A-Z]|\d+b)/g, (part) => `-${part.toLowerCase()}`);
}
