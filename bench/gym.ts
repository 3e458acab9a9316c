/**
 * `npm run bench:gym`: is a tool worth its price? Scenes too small for the model's eyes and sums too long for its head, among
 * others that need no tool. The embedded model, which gets words for calls, imitates demonstrated ones, and learns by GRPO;
 * beside it one without tools, one that does not think, and one that was only told of the tools. Then the price of a call rises.
 * Each figure is kept as it is found, and a run that was interrupted goes on.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { program } from "commander";
import { mean } from "../arena/statistics.ts";
import { replaceFile } from "../common/disk.ts";
import { table } from "./figures.ts";
import { wordsOf, writeWider } from "./gym/wider_model.ts";
import { packageRoot, scratchFolder } from "./models.ts";
import { outputOf } from "./program.ts";

const { json, work, seeds, steps } = program
  .name("npm run bench:gym --")
  .description("what tools are worth: accuracy with and without them, and calls as they cost more")
  .option("--json <file>", "where to write the figures, and where those that are known stand")
  .option("--work <folder>", "where runs are kept, so that they go on (default: a folder that is removed)")
  .option("--seeds <n>", "how many", Number, 3)
  .option("--steps <n>", "steps of GRPO", Number, 40)
  .parse()
  .opts<{ json?: string; work?: string; seeds: number; steps: number }>();

await using scratch = await scratchFolder();
const folder = work ?? scratch.path;
await mkdir(folder, { recursive: true });
const environment = join(packageRoot, "bench/gym/fine_print.ts");

/** What one model did in tasks that no stage learnt from. */
interface Played {
  /** Share of right answers, percent. */
  readonly accuracy: number;
  readonly calls: number;
}

/** By seed and what was played. */
const known: Record<string, Played> = await read();

async function read(): Promise<Record<string, Played>> {
  if (!json || !existsSync(json)) return {};
  return JSON.parse(await readFile(json, "utf8")).played;
}

const visplay = (...args: readonly string[]): Promise<string> =>
  outputOf(process.execPath, [join(packageRoot, "dist/cli/main.js"), ...args]);

type Ways = { readonly tools?: boolean; readonly thinks?: boolean };

/** A stage in the environment. */
function stage(ways: Ways, how: object): object {
  const tools = ways.tools ? { use: ["zoom", "python"], section: "", maxCalls: 2 } : {};
  return {
    ...{ kind: "environment", environment: { name: environment, options: ways }, rows: 50_000 },
    ...{ itemsPerStep: 32, maxTurns: ways.tools ? 3 : 1, maxTokens: 72 },
    ...how,
    tools: { ...tools, ...("tools" in how ? (how.tools as object) : {}) },
  };
}

const imitation = (ways: Ways, steps: number, learningRate: number): object =>
  stage(ways, { imitates: true, steps, learningRate, learningRateEnd: 0.2 });

const grpo = (ways: Ways, price: number): object =>
  stage(ways, { steps, groupSize: 8, learningRate: 3e-4, beta: 0, tools: { price } });

/** Plays stages from a model, unless that was done; gives the folder of the run. */
async function train(name: string, seed: number, model: string, stages: readonly object[]): Promise<string> {
  const run = join(folder, `${name}-${seed}`);
  if (existsSync(join(run, "config.yaml"))) {
    if (!existsSync(join(run, `round-${stages.length}/reasoner`))) await visplay("resume", run);
    return run;
  }
  const config = join(folder, `${name}-${seed}.yaml`);
  await writeFile(config, JSON.stringify({ seed, stages, evaluation: { questions: 0 } }));
  await visplay("train", "--config", config, "--model", model, "--out", run);
  return run;
}

/** Plays tasks of the environment with a model, greedily. */
async function act(name: string, seed: number, model: string, ways: Ways): Promise<void> {
  const config = join(folder, `act-${name}-${seed}.yaml`);
  await writeFile(config, JSON.stringify({ stages: [stage(ways, {})] }));
  const output = await visplay(
    ...["act", "--config", config, "--model", model, "--tasks", "500", "--from", "60000", "--json"],
  );
  const { success, meanCalls } = JSON.parse(output);
  known[`${name} ${seed}`] = { accuracy: success.percent, calls: meanCalls };
  await save();
}

const arms = {
  with_tools: { tools: true, thinks: true },
  without_reasoning: { tools: true, thinks: false },
  without_tools: { tools: false, thinks: true },
} as const satisfies Readonly<Record<string, Ways>>;
const prices = [0, 0.05, 0.2] as const;

/** The mean over the seeds of what is known. */
function figureOf(name: string, figure: keyof Played): number | null {
  const values = Array.from({ length: seeds }, (_, seed) => known[`${name} ${seed}`]?.[figure]);
  const found = values.filter((value) => value !== undefined);
  return found.length === 0 ? null : mean(found);
}

function report(): object {
  const names = [...Object.keys(arms), "tools_untrained"];
  return {
    accuracy: Object.fromEntries(names.map((name) => [name, figureOf(name, "accuracy")])),
    lambdas: prices.map((lambda) => ({
      lambda,
      accuracy: figureOf(nameOf(lambda), "accuracy"),
      calls: figureOf(nameOf(lambda), "calls"),
    })),
    seeds,
    steps,
    played: known,
  };
}

function nameOf(price: number): string {
  return price === 0 ? "with_tools" : `price ${price}`;
}

async function save(): Promise<void> {
  if (json) await replaceFile(json, `${JSON.stringify(report(), null, 2)}\n`);
}

/** All words of the environment. */
async function wordsOfTasks(): Promise<string[]> {
  const { default: finePrint } = await import("./gym/fine_print.ts");
  const { reset, demonstrate } = finePrint({ tools: true, thinks: true }) as {
    reset(task: number): Promise<{ question: string; state: object }>;
    demonstrate(state: object, turn: number): string;
  };
  const started = await Promise.all(Array.from({ length: 2000 }, (_, task) => reset(task)));
  const said = started.flatMap(({ question, state }) => [
    question,
    demonstrate(state, 0),
    demonstrate(state, 1),
  ]);
  return wordsOf([...said, ...Array.from({ length: 40 }, (_, number) => `${number}`), "error:"]).sort();
}

const words = await wordsOfTasks();
for (let seed = 0; seed < seeds; seed++) {
  const start = join(folder, `start-${seed}`);
  if (!existsSync(start)) await writeWider(join(packageRoot, "models/tiny"), start, words, seed);
  if (!known[`tools_untrained ${seed}`]) await act("tools_untrained", seed, start, arms.with_tools);
  for (const [name, ways] of Object.entries(arms)) {
    if (known[`${name} ${seed}`]) continue;
    const run = await train(name, seed, start, [imitation(ways, 400, 1e-3), grpo(ways, 0)]);
    await act(name, seed, join(run, "round-2/reasoner"), ways);
  }
  const imitated = join(folder, `with_tools-${seed}`, "round-1/reasoner");
  for (const price of prices.slice(1)) {
    if (known[`${nameOf(price)} ${seed}`]) continue;
    const run = await train(`price-${price}`, seed, imitated, [grpo(arms.with_tools, price)]);
    await act(nameOf(price), seed, join(run, "round-1/reasoner"), arms.with_tools);
  }
}
const shown = Object.entries(known).map(([name, { accuracy, calls }]) => [
  name,
  accuracy.toFixed(1),
  calls.toFixed(2),
]);
console.log(table([["seed by seed", "accuracy", "calls"], ...shown]));
