/**
 * `npm run bench:real`: a language model with real weights in a SmolVLM folder. Ids, log-probabilities and greedy
 * answers beside transformers'; plain GRPO on a task that can be checked, beside TRL's; and a first round of
 * self-play on photographs with the default settings.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { program } from "commander";
import { type Figures, figuresTable, writeFigures } from "./figures.ts";
import { flags } from "./grpo.ts";
import { median } from "./measure.ts";
import { packageRoot, scratchFolder } from "./models.ts";
import { playArena } from "./play.ts";
import { outputOf, reportOf } from "./program.ts";
import { pythonOf } from "./python.ts";
import { compare, type PythonAnswers } from "./real/compare.ts";
import { downloadPhotographs, downloadWeights } from "./real/downloads.ts";
import { type Curve, taskFile } from "./real/word_task.ts";

const parts = ["compare", "grpo", "trl", "train"] as const;

interface Options {
  readonly json?: string;
  readonly python?: string;
  readonly published?: string;
  readonly folder?: string;
  readonly only?: (typeof parts)[number];
  readonly seed: number;
  readonly threads: number;
}

const { json, python, published, folder, only, seed, threads } = program
  .name("npm run bench:real --")
  .description("try a model with real weights; leave the machine alone meanwhile")
  .option("--json <file>", "where figures are written, part by part; parts that it holds are not done again")
  .option(
    "--python <path>",
    "a Python with bench/real/requirements.txt; else one is set up in bench/real/.venv",
  )
  .option("--published <folder>", "small files of a published SmolVLM-256M-Instruct, used as they are")
  .option("--folder <folder>", "where downloads and the model are kept; else a temporary folder")
  .option("--only <part>", `one of ${parts.join(", ")}`)
  .option("--seed <n>", "of samples and adapters", Number, 0)
  .option("--threads <n>", "CPU threads", Number, 2)
  .parse()
  .opts<Options>();

await using scratch = await scratchFolder();
const place = folder ?? scratch.path;
const scripts = join(packageRoot, "bench/real");
const interpreter = python ?? (await pythonOf(scripts));
const photographs = await downloadPhotographs(interpreter, place);
const picture = join(photographs, "astronaut.png");
const model = await makeModel();

let known: Figures = json && existsSync(json) ? JSON.parse(await readFile(json, "utf8")) : {};
const plays: Readonly<Record<(typeof parts)[number], () => Promise<Figures>>> = {
  compare: comparison,
  grpo: () =>
    curveOf(process.execPath, [join(packageRoot, "dist/bench/real/grpo.js"), ...flags({ model, picture })]),
  trl: () => curveOf(interpreter, [join(scripts, "trl_grpo.py"), model, picture, taskFile]),
  train,
};
for (const part of parts) {
  const name = (figure: string) => `${part}_${figure}`;
  if ((only ?? part) !== part || Object.keys(known).some((figure) => figure.startsWith(name("")))) continue;
  process.stderr.write(`${part} …\n`);
  const figures = Object.entries(await plays[part]());
  known = { ...known, ...Object.fromEntries(figures.map(([figure, value]) => [name(figure), value])) };
  if (json) await writeFigures(json, known);
}
console.log(figuresTable(known));

async function makeModel(): Promise<string> {
  const made = join(place, published === undefined ? "model" : "published");
  if (existsSync(join(made, "model.safetensors"))) return made;
  const gguf = await downloadWeights(interpreter, place);
  const files = published === undefined ? [] : ["--published", published];
  await outputOf(interpreter, [join(scripts, "make_model.py"), gguf, made, ...files]);
  return made;
}

async function comparison(): Promise<Figures> {
  const prompts = join(scripts, "prompts.json");
  const script = join(scripts, "reference.py");
  const reference = await reportOf<PythonAnswers>(interpreter, [script, model, picture, prompts]);
  return compare(model, picture, prompts, reference);
}

/** The task of task.json, taught by one of the trainers. */
async function curveOf(command: string, args: readonly string[]): Promise<Figures> {
  const { rewards, seconds } = await reportOf<Curve>(command, [...args, ...flags({ seed, threads })]);
  const figures = rewards.map((value, step) => [`reward_${step + 1}`, { value, unit: "" }] as const);
  return { ...Object.fromEntries(figures), step_seconds: { value: median(seconds.slice(1)), unit: "s" } };
}

/** One round of `visplay train` on the photographs, all settings but the number of rounds as they are. */
async function train(): Promise<Figures> {
  const run = join(place, `run-${seed}`);
  const settings = [`images.folder=${photographs}`, `model=${model}`, "rounds=1"];
  const { rounds, durationMs } = await playArena(seed, run, settings);
  const { admitted, confidence, parsed } = rounds.at(-1) ?? {
    admitted: null,
    confidence: null,
    parsed: null,
  };
  return {
    admitted: { value: admitted ?? 0, unit: "" },
    answers_read: { value: parsed ?? 0, unit: "%" },
    confidence: { value: confidence ?? 0, unit: "%" },
    seconds: { value: (durationMs ?? 0) / 1000, unit: "s" },
  };
}
