/**
 * `npm run bench:trl`: GRPO steps beside TRL's, the same work in turn. Slow drift of the machine meets both alike,
 * since their processes alternate; each figure is the median over all turns, each ratio is TRL's over ours.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Option, program } from "commander";
import sharp from "sharp";
import { digits, type Figure, type Figures, table, writeFigures } from "./figures.ts";
import { flags, stepProgram } from "./grpo.ts";
import { median } from "./measure.ts";
import {
  type ModelSize,
  modelSizes,
  packageRoot,
  scratchFolder,
  tokenizerModel,
  writeResizedModel,
} from "./models.ts";
import { watchedReportOf } from "./program.ts";
import { scenes } from "./prompts.ts";
import { pythonOf } from "./python.ts";
import { countSteps, type StepReport } from "./step_report.ts";

type FigureName = "step_seconds" | "sampling_seconds" | "update_seconds" | "peak_mb";

/** What a step is made of. */
interface Work {
  /** Prompts. */
  readonly images: number;
  /** Completions of a prompt. */
  readonly group: number;
  /** Of a completion. */
  readonly tokens: number;
  /** Steps of a process, of which the first warms up. */
  readonly steps: number;
  /** Of adapters on the text model; 0 trains all parameters. */
  readonly rank: number;
}

/** The work for each size of model, and how many processes of each trainer do it. */
const usual: Readonly<Record<ModelSize, Work & { readonly turns: number }>> = {
  tiny: { images: 16, group: 8, tokens: 24, steps: 20, rank: 0, turns: 3 },
  "256m": { images: 2, group: 8, tokens: 64, steps: 4, rank: 16, turns: 1 },
};

interface Options extends Omit<Work, "rank"> {
  readonly size: ModelSize;
  readonly json?: string;
  readonly python?: string;
  readonly turns: number;
  readonly threads: number;
}

const { json, python, size, ...chosen } = program
  .name("npm run bench:trl --")
  .description("time GRPO steps beside TRL's; leave the machine alone meanwhile")
  .addOption(new Option("--size <name>", "the model's sizes").choices(Object.keys(usual)).default("tiny"))
  .option("--json <file>", "where to write the figures")
  .option(
    "--python <path>",
    "a Python with bench/trl/requirements.txt; else one is set up in bench/trl/.venv",
  )
  .option("--turns <n>", "processes of each trainer; by default as many as suit the size, as below", Number)
  .option("--images <n>", "prompts of a step", Number)
  .option("--group <n>", "completions of a prompt", Number)
  .option("--tokens <n>", "tokens of a completion", Number)
  .option("--steps <n>", "steps of a process, of which the first warms up", Number)
  .option("--threads <n>", "CPU threads", Number, 2)
  .parse()
  .opts<Pick<Options, "size" | "threads"> & Partial<Options>>();

const { turns, rank, ...work } = { ...usual[size], ...chosen };

const trlFolder = join(packageRoot, "bench/trl");
const trlProgram = join(trlFolder, "trl_baseline.py");
const question = "How many circles are there?";

await using scratch = await scratchFolder();
const pictures = join(scratch.path, "pictures");
const model = join(scratch.path, "model");
const interpreter = python ?? (await pythonOf(trlFolder));
await writePictures(pictures, work.images * work.steps);
await writeResizedModel(tokenizerModel, modelSizes[size], model);

const shared = flags({ ...work, question, "image-folder": pictures });
const trainers = {
  trl: () =>
    watchedReportOf<StepReport>(interpreter, [
      trlProgram,
      ...flags({ reference: tokenizerModel, size }),
      ...shared,
    ]),
  visplay: () =>
    watchedReportOf<StepReport>(process.execPath, [stepProgram, ...flags({ model, rank }), ...shared]),
};
const reports: Record<keyof typeof trainers, StepReport[]> = { trl: [], visplay: [] };
for (let turn = 0; turn < turns; turn++) {
  for (const name of ["trl", "visplay"] as const) {
    process.stderr.write(`turn ${turn + 1} of ${turns}: ${name} …\n`);
    reports[name].push(await trainers[name]());
  }
}
const sizes = new Set([...reports.trl, ...reports.visplay].map(({ parameters }) => parameters));
if (sizes.size > 1) throw new Error(`the trainers have models of ${[...sizes].join(" and ")} parameters`);

const [trl, visplay] = [figuresOf(reports.trl), figuresOf(reports.visplay)];
const ratio = (name: FigureName): Figure => ({ value: trl[name].value / visplay[name].value, unit: "x" });
const head = ["", "TRL", "visplay", "ratio"];
const rows = Object.entries(trl).map(([name, { value }]) => {
  const own = visplay[name as FigureName].value;
  return [name, digits(value), digits(own), digits(value / own)];
});
const setting = Object.entries(work).map(([name, value]) => `${name} ${value}`);
console.log(`\n${[`parameters ${[...sizes]}`, ...setting].join(", ")}\n\n${table([head, ...rows])}`);
if (json)
  await writeFigures(json, {
    speedup_step: ratio("step_seconds"),
    speedup_sampling: ratio("sampling_seconds"),
    speedup_update: ratio("update_seconds"),
    memory_ratio: ratio("peak_mb"),
    ...withPrefix("trl", trl),
    ...withPrefix("visplay", visplay),
  });

function figuresOf(all: readonly StepReport[]): Record<FigureName, Figure> {
  const { step, sampling, update } = countSteps(all);
  const seconds = (values: readonly number[]) => ({ value: median(values), unit: "s" });
  return {
    step_seconds: seconds(step),
    sampling_seconds: seconds(sampling),
    update_seconds: seconds(update),
    peak_mb: { value: median(all.map(({ peak_mb }) => peak_mb)), unit: "MB" },
  };
}

function withPrefix(prefix: string, figures: Figures): Figures {
  return Object.fromEntries(Object.entries(figures).map(([name, figure]) => [`${prefix}_${name}`, figure]));
}

/** Scenes as files that both trainers read. */
async function writePictures(folder: string, count: number): Promise<void> {
  await mkdir(folder);
  const source = scenes(count, 0);
  for (let i = 0; i < count; i++) {
    const { width, height, data } = await source.draw(i);
    const file = join(folder, `${String(i).padStart(5, "0")}.png`);
    await sharp(data, { raw: { width, height, channels: 3 } })
      .png()
      .toFile(file);
  }
}
