/**
 * `npm run bench:easy-vqa`: a model from nothing on a public set that nobody here made. One run imitates the labels of a
 * tenth of the pictures, learns by GRPO from those of another tenth, and plays with itself on the others, without
 * labels; beside it, a model imitates all labels. Each answers the official test questions. What is done lies in --runs,
 * and the next call goes on from there.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { program } from "commander";
import type { Summary } from "../arena/summary.ts";
import { replaceFile } from "../common/disk.ts";
import { easyVqa } from "./easy_vqa/data.ts";
import { configuration, predictions, set, untrained, visplay } from "./easy_vqa/product.ts";
import { reportOf, reportTable, type SeedResult } from "./easy_vqa/report.ts";

const { json, python, seeds, questions, runs } = program
  .name("npm run bench:easy-vqa --")
  .description("a model from nothing on easy-vqa (PyPI): sft, grpo and self-play, beside sft on all labels")
  .option("--json <file>", "where to write the figures, anew after each seed")
  .option("--python <path>", "a Python with pip", "python3")
  .option("--seeds <n>", "seeds, from 0", Number, 3)
  .option("--questions <n>", "the first so many test questions", "4000")
  .option("--runs <folder>", "where data, models, runs and answers are kept", "runs/easy-vqa")
  .parse()
  .opts<{ json?: string; python: string; seeds: number; questions: string; runs: string }>();

const data = await easyVqa(python, join(runs, "data"));
const results: SeedResult[] = [];
for (let seed = 0; seed < seeds; seed++) {
  results.push(await play(seed));
  const report = reportOf(results);
  console.log(`\n${reportTable(report)}`);
  if (json) await replaceFile(json, `${JSON.stringify(report, null, 2)}\n`);
}

/** Both runs of a seed, from the same untrained model. The first round of the one in stages only answers, and does not ask yet. */
async function play(seed: number): Promise<SeedResult> {
  const folder = join(runs, `seed-${seed}`);
  await mkdir(folder, { recursive: true });
  const model = await untrained(data.sft, join(folder, "model"), seed);
  const begin = ["--model", model, "--seed", `${seed}`];
  const staged = join(folder, "stages");
  const supervised = join(folder, "supervised");
  const places = [data.sft, data.sft, data.grpo].map((path, i) => `stages.${i}.data=${path}`);
  const seconds = {
    supervised: await train("supervised", supervised, begin, [`stages.0.data=${data.all}`]),
    stages: await train("stages", staged, begin, [...places, `images.data=${data.pictures}`]),
  };
  const answers = (model: string, name: string) =>
    predictions(model, data.test, questions, join(folder, `${name}.jsonl`));
  return {
    seed,
    seconds,
    predictions: {
      sft: await answers(join(staged, "round-2/reasoner"), "sft"),
      grpo: await answers(join(staged, "round-3/reasoner"), "grpo"),
      self_play: await answers(join(staged, "round-4/reasoner"), "self_play"),
      supervised: await answers(join(supervised, "round-1/reasoner"), "supervised"),
    },
  };
}

/** Plays a configuration of bench/easy_vqa, or what is left of it, and tells how many seconds it took in all. */
async function train(
  name: "stages" | "supervised",
  run: string,
  begin: readonly string[],
  settings: readonly string[],
): Promise<number> {
  const summary = await summaryOf(run);
  if (summary === null)
    await visplay("train", "--config", configuration(name), "--out", run, ...begin, ...set(settings));
  else if (summary.status !== "finished") await visplay("resume", run);
  return ((await summaryOf(run))?.durationMs ?? 0) / 1000;
}

/** What a run has come to; null where there is none. */
async function summaryOf(run: string): Promise<Summary | null> {
  if (!existsSync(join(run, "config.yaml"))) return null;
  const text = await readFile(join(run, "summary.json"), "utf8").catch(() => '{"status": "running"}');
  return JSON.parse(text);
}
