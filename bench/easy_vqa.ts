/**
 * `npm run bench:easy-vqa`: a public set that nobody here made. Its wheel is fetched with pip and becomes a folder of DATA;
 * a model is evaluated on its test questions, and plays a short run on its training pictures, measured on the same
 * questions after each round. The embedded model knows another language and other pictures, and will be poor. A new model
 * from the training questions has to have words for every test question and answer.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { program } from "commander";
import { Tokenizer } from "../policy/chat/tokenizer.ts";
import { type Figures, figuresTable, writeFigures } from "./figures.ts";
import { packageRoot, scratchFolder } from "./models.ts";
import { outputOf, reportOf } from "./program.ts";

const { json, python, model, limit } = program
  .name("npm run bench:easy-vqa --")
  .description("a model on easy-vqa (PyPI): an evaluation, and a short run of self-play on its pictures")
  .option("--json <file>", "where to write the figures")
  .option("--python <path>", "a Python with pip", "python3")
  .option("--model <model>", "the model, as `visplay train` takes it", "tiny")
  .option("--limit <n>", "the first so many test questions", "500")
  .parse()
  .opts<{ json?: string; python: string; model: string; limit: string }>();

await using scratch = await scratchFolder();
const downloads = join(scratch.path, "wheel");
await outputOf(python, ["-m", "pip", "download", "--quiet", "--no-deps", "-d", downloads, "easy-vqa==1.0"]);
const [wheel = ""] = await readdir(downloads);

/** A split as a folder of pictures with metadata.jsonl. */
async function folderOf(split: string): Promise<{ readonly path: string; readonly rows: number }> {
  const path = join(scratch.path, split);
  const script = join(packageRoot, "bench/easy_vqa/make_data.py");
  return {
    path,
    ...(await reportOf<{ rows: number }>(python, [script, join(downloads, wheel), split, path])),
  };
}
const [test, train] = [await folderOf("test"), await folderOf("train")];
const pictures = (await readdir(train.path)).filter((name) => name.endsWith(".png")).length;

const visplay = (...args: string[]): Promise<string> =>
  outputOf(process.execPath, [join(packageRoot, "dist/cli/main.js"), ...args]);

const newModel = join(scratch.path, "model");
console.log(await visplay("new-model", "--data", train.path, "--out", newModel));

/** Tokens of the test questions and answers that a model has no words for. */
async function unknownTokens(folder: string): Promise<number> {
  const tokenizer = await Tokenizer.load(folder);
  const unknown = tokenizer.id("<unk>");
  const lines = (await readFile(join(test.path, "metadata.jsonl"), "utf8")).trim().split("\n");
  const rows = lines.map((line) => JSON.parse(line) as { question: string; answer: string });
  const texts = new Set(rows.flatMap(({ question, answer }) => [question, answer]));
  return [...texts].flatMap((text) => [...tokenizer.encode(text)]).filter((id) => id === unknown).length;
}

const measured = ["--data", test.path, "--limit", limit, "--group-by", "kind"];
console.log(await visplay("eval", "--model", model, ...measured));

const run = join(scratch.path, "run");
const settings = [`data=${test.path}`, `questions=${limit}`, "groupBy=kind"];
await visplay(
  ...["train", "--config", join(packageRoot, "docs/quick.yaml"), "--model", model, "--images", train.path],
  ...["--out", run, ...settings.flatMap((setting) => ["--set", `evaluation.${setting}`])],
);
interface Rounds {
  readonly rounds: readonly { readonly round: number; readonly greedy: number | null }[];
}
const { rounds }: Rounds = JSON.parse(await readFile(join(run, "summary.json"), "utf8"));

const figures: Figures = {
  rows: { value: test.rows + train.rows, unit: "rows" },
  unknown_test_tokens: { value: await unknownTokens(newModel), unit: "tokens" },
  pictures: { value: pictures, unit: "pictures to learn from" },
  ...Object.fromEntries(
    rounds.flatMap(({ round, greedy }) =>
      greedy === null ? [] : [[`greedy_round_${round}`, { value: greedy, unit: "%" }]],
    ),
  ),
};
console.log(figuresTable(figures));
if (json) await writeFigures(json, figures);
