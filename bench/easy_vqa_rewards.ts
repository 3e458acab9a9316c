/**
 * `npm run bench:easy-vqa-rewards`: plain GRPO on easy-vqa by rewards for form alone, for correctness alone, for both, and for
 * thinking, too, from models that imitated a few labels and often err.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { program } from "commander";
import { replaceFile } from "../common/disk.ts";
import { easyVqa } from "./easy_vqa/data.ts";
import { type Estimate, estimate } from "./easy_vqa/estimates.ts";
import { configuration, predictions, set, shortlyTaught, visplay } from "./easy_vqa/product.ts";
import { marksOf, type Prediction } from "./easy_vqa/report.ts";
import { table } from "./figures.ts";

/** Weights of the parts of the reward. */
const variants = {
  format: { correctness: 0, format: 1, reasoning: 0 },
  correctness: { correctness: 1, format: 0, reasoning: 0 },
  both: { correctness: 0.9, format: 0.1, reasoning: 0 },
  "both, reasoning": { correctness: 0.8, format: 0.1, reasoning: 0.1 },
} as const;

/** Percent and points: right greedy and sampled answers, and answers that cannot be read. */
type Ablation = Readonly<
  Record<
    "base" | keyof typeof variants,
    {
      readonly greedy: Estimate;
      readonly sampled: Estimate;
      readonly unparsed: Estimate;
      /** Of greedy answers over the base. */
      readonly gain: Estimate;
    }
  >
>;

const { json, python, seeds, questions, runs } = program
  .name("npm run bench:easy-vqa-rewards --")
  .description("plain GRPO on easy-vqa by different rewards")
  .option("--json <file>", "where to write the figures")
  .option("--python <path>", "a Python with pip", "python3")
  .option("--seeds <n>", "seeds, from 0", Number, 3)
  .option("--questions <n>", "the first so many test questions", "1500")
  .option("--runs <folder>", "where data, models, runs and answers are kept", "runs/easy-vqa-rewards")
  .parse()
  .opts<{ json?: string; python: string; seeds: number; questions: string; runs: string }>();

const data = await easyVqa(python, join(runs, "data"));
const names = ["base", ...Object.keys(variants)] as (keyof Ablation)[];
const answers = new Map<string, (readonly Prediction[])[]>(names.map((name) => [name, []]));
for (let seed = 0; seed < seeds; seed++)
  for (const name of names) answers.get(name)?.push(await play(name, seed, join(runs, `seed-${seed}`)));

const marks = (name: string, score: keyof Prediction["scores"]) =>
  (answers.get(name) ?? []).map((each) => marksOf(each, score));
const ablation = Object.fromEntries(
  names.map((name) => [
    name,
    {
      greedy: estimate(marks(name, "greedy")),
      sampled: estimate(marks(name, "warm")),
      unparsed: estimate(marks(name, "unparsed")),
      gain: estimate(marks(name, "greedy"), marks("base", "greedy")),
    },
  ]),
) as Ablation;
const columns = ["greedy", "gain", "sampled", "unparsed"] as const;
const cell = ({ mean, low, high }: Estimate) =>
  `${mean.toFixed(1)} (${low.toFixed(1)} to ${high.toFixed(1)})`;
const rows = names.map((name) => [name, ...columns.map((column) => cell(ablation[name][column]))]);
console.log(table([["rewarded", ...columns], ...rows]));
if (json) await replaceFile(json, `${JSON.stringify(ablation, null, 2)}\n`);

/** What the base, or what GRPO by a reward makes of it, says to the test questions. */
async function play(name: keyof Ablation, seed: number, folder: string): Promise<readonly Prediction[]> {
  const base = await shortlyTaught(data.sft, folder, seed);
  const file = join(folder, `${name}.jsonl`);
  if (name === "base") return predictions(base, data.test, questions, file);
  const run = join(folder, name);
  const weights = Object.entries(variants[name]).map(
    ([part, weight]) => `stages.0.reward.weights.${part}=${weight}`,
  );
  const begin = ["--config", configuration("grpo"), "--model", base, "--seed", `${seed}`, "--out", run];
  const settings = [`stages.0.data=${data.grpo}`, "stages.0.steps=40", ...weights];
  if (!existsSync(join(run, "round-1"))) await visplay("train", ...begin, ...set(settings));
  return predictions(join(run, "round-1/reasoner"), data.test, questions, file);
}
