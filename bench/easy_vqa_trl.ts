/**
 * `npm run bench:easy-vqa-trl`: plain GRPO beside TRL's on easy-vqa, from models that imitated a few labels and often err:
 * the same rows, rewards, optimizer and number of steps. Both trainers' models are measured by `visplay eval`.
 */
import { existsSync } from "node:fs";
import { copyFile, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { program } from "commander";
import { replaceFile } from "../common/disk.ts";
import { ReplayReader } from "../replay/reader.ts";
import {
  type Curve,
  type Curves,
  curvesTable,
  type Trainer,
  trainers,
  withCurve,
} from "./easy_vqa/curves.ts";
import { easyVqa } from "./easy_vqa/data.ts";
import { configuration, predictions, set, shortlyTaught, visplay } from "./easy_vqa/product.ts";
import { percentage } from "./easy_vqa/report.ts";
import { flags } from "./grpo.ts";
import { packageRoot } from "./models.ts";
import { reportOf } from "./program.ts";
import { pythonOf } from "./python.ts";

interface Options {
  readonly json?: string;
  readonly python?: string;
  readonly seeds: number;
  readonly steps: number;
  readonly every: number;
  readonly questions: string;
  readonly learningRate: number;
  readonly runs: string;
}

const { json, python, seeds, steps, every, questions, learningRate, runs } = program
  .name("npm run bench:easy-vqa-trl --")
  .description("plain GRPO on easy-vqa beside TRL's")
  .option("--json <file>", "where curves are written, play by play; plays that it holds are not done again")
  .option(
    "--python <path>",
    "a Python with bench/trl/requirements.txt; else one is set up in bench/trl/.venv",
  )
  .option("--seeds <n>", "seeds, from 0", Number, 3)
  .option("--steps <n>", "optimiser steps", Number, 40)
  .option("--every <n>", "steps from one measurement to the next", Number, 10)
  .option("--questions <n>", "the first so many test questions", "1500")
  .option("--learning-rate <rate>", "of both", Number, 3e-4)
  .option("--runs <folder>", "where data, models, runs and answers are kept", "runs/easy-vqa-trl")
  .parse()
  .opts<Options>();

const interpreter = python ?? (await pythonOf(join(packageRoot, "bench/trl")));
const data = await easyVqa(interpreter, join(runs, "data"));
let curves: Curves =
  json && existsSync(json) ? JSON.parse(await readFile(json, "utf8")) : { visplay: [], trl: [] };
const plays: Readonly<Record<Trainer, typeof playVisplay>> = { visplay: playVisplay, trl: playTrl };
for (let seed = 0; seed < seeds; seed++) {
  for (const trainer of trainers) {
    if (curves[trainer].some((curve) => curve.seed === seed)) continue;
    const folder = join(runs, `seed-${seed}`, trainer);
    const model = await shortlyTaught(data.sft, join(runs, `seed-${seed}`), seed);
    const { models, ...learnt } = await plays[trainer](seed, model, folder);
    const accuracy: Curve["accuracy"][number][] = [];
    for (const [i, each] of [model, ...models].entries())
      accuracy.push({ step: i * every, ...(await accuracyOf(each, `${folder}-${i * every}.jsonl`)) });
    curves = withCurve(curves, trainer, { seed, ...learnt, accuracy });
    if (json) await replaceFile(json, `${JSON.stringify(curves, null, 2)}\n`);
  }
}
console.log(curvesTable(curves));

/** What a trainer did, and the models that it left every so many steps. */
interface Learnt extends Pick<Curve, "rewards" | "seconds"> {
  readonly models: readonly string[];
}

async function playVisplay(seed: number, model: string, folder: string): Promise<Learnt> {
  const settings = [
    `stages.0.data=${data.grpo}`,
    // Nor does the other look for causes.
    "attribution.share=0",
    `stages.0.steps=${steps}`,
    `stages.0.learningRate=${learningRate}`,
    `checkpoint.everySteps=${every}`,
  ];
  const begin = ["--config", configuration("grpo"), "--model", model, "--seed", `${seed}`, "--out", folder];
  if (!existsSync(join(folder, "round-1"))) await visplay("train", ...begin, ...set(settings));
  using replay = ReplayReader.open(folder);
  const events = [...replay.events()].flatMap(({ event }) => (event.type === "reasonerStep" ? [event] : []));
  const saved = await readdir(join(folder, "checkpoints"));
  const after = (step: number) => saved.filter((name) => name.endsWith(`-round-1-grpo-${step}`));
  const before = Array.from({ length: steps / every - 1 }, (_, i) => after((i + 1) * every)).flat();
  return {
    rewards: events.map(({ parts }) => parts.correctness ?? 0),
    seconds: events.map(({ durationMs }) => durationMs / 1000),
    models: [
      ...before.map((name) => join(folder, "checkpoints", name, "reasoner")),
      join(folder, "round-1/reasoner"),
    ],
  };
}

async function playTrl(seed: number, model: string, folder: string): Promise<Learnt> {
  const script = join(packageRoot, "bench/easy_vqa/trl_grpo.py");
  const chosen = flags({ steps, every, seed, "learning-rate": learningRate });
  const curve = await reportOf<Pick<Curve, "rewards" | "seconds">>(interpreter, [
    script,
    model,
    data.grpo,
    folder,
    ...chosen,
  ]);
  const models = Array.from({ length: steps / every }, (_, i) =>
    join(folder, `checkpoint-${(i + 1) * every}`),
  );
  // What the model is told and how long its answers may be, which is not transformers' business.
  for (const each of models) await copyFile(join(model, "visplay.json"), join(each, "visplay.json"));
  return { ...curve, models };
}

/** Percent of right answers to the test questions. */
async function accuracyOf(model: string, file: string): Promise<{ greedy: number; sampled: number }> {
  const answers = await predictions(model, data.test, questions, file);
  return { greedy: percentage(answers, "greedy"), sampled: percentage(answers, "warm") };
}
