/**
 * `npm run bench:folders`: folders as `save_pretrained` of transformers leaves them, one of each family, with tiny random
 * weights. Each is evaluated, trains two steps of GRPO with an adapter, and PEFT loads that: the prompt's ids and the
 * log-probabilities under the trained model have to be those of Python.
 */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { program } from "commander";
import sharp from "sharp";
import { LocalPolicy } from "../policy/embedded/local_policy.ts";
import { wholePrompt } from "../policy/embedded/stretch.ts";
import { promptAbout, textOf } from "../policy/prompts.ts";
import { groupAdvantages } from "../rewards/advantages.ts";
import { type Figures, table, writeFigures } from "./figures.ts";
import { packageRoot, scratchFolder } from "./models.ts";
import { outputOf, reportOf } from "./program.ts";
import { policyOptions, scenes } from "./prompts.ts";
import { pythonOf } from "./python.ts";
import { grpo } from "./update_work.ts";

const { json, python } = program
  .name("npm run bench:folders --")
  .description("folders that transformers saved: open, evaluate, train, and compare the adapter with PEFT's")
  .option("--json <file>", "where to write the figures")
  .option(
    "--python <path>",
    "a Python with bench/folders/requirements.txt; else one is set up in bench/folders/.venv",
  )
  .parse()
  .opts<{ json?: string; python?: string }>();

/** What PEFT makes of a family's adapter. */
interface Comparison {
  /** Whether the prompt's ids are Python's. */
  readonly same_ids: boolean;
  /** Largest difference of a log-probability. */
  readonly difference: number;
  /** How far training moved the log-probabilities, at most. */
  readonly moved: number;
}

const here = join(packageRoot, "bench/folders");
const families = ["idefics3", "smolvlm", "qwen2_vl", "qwen2_5_vl", "qwen3_vl"];
/** Beyond it, the two compute different things: 32-bit floats in another order differ by some 1e-5. */
const largestDifference = 1e-3;
const evaluation = ["questions=14", "scenes=8", "questionsPerChunk=14", "samples=2"];

await using scratch = await scratchFolder();
const interpreter = python ?? (await pythonOf(here));
await outputOf(interpreter, [join(here, "save_folders.py"), scratch.path, ...families]);

const figures: Record<string, Figures[string]> = {};
const rows: string[][] = [];
for (const family of families) {
  const folder = join(scratch.path, family);
  process.stderr.write(`${family} …\n`);
  const settings = evaluation.flatMap((setting) => ["--set", `evaluation.${setting}`]);
  const program = join(packageRoot, "bin/visplay.js");
  await outputOf(process.execPath, [program, "eval", "--model", folder, ...settings]);
  const rollouts = await train(folder, join(folder, "adapter"));
  const { same_ids, difference, moved } = await reportOf<Comparison>(interpreter, [
    join(here, "load_adapter.py"),
    folder,
    rollouts,
  ]);
  if (!same_ids || !(difference < largestDifference))
    throw new Error(
      `${family}: ids are ${same_ids ? "equal" : "others"}, log-probabilities differ by ${difference}`,
    );
  figures[`${family}_difference`] = { value: difference, unit: "nat" };
  rows.push([family, "equal", difference.toExponential(1), moved.toExponential(1)]);
}
console.log(`\n${table([["", "ids", "log-probabilities differ by", "training moved them by"], ...rows])}`);
if (json) await writeFigures(json, figures);

/** Two steps that reward letters; writes the adapter, and what the trained model samples with its log-probabilities. */
async function train(folder: string, adapter: string): Promise<string> {
  const settings = { rank: 4, alpha: 8, rankStabilized: false, layers: null, seed: 0 };
  await using policy = await LocalPolicy.open(folder, { ...policyOptions(1), adapter: settings });
  const { image } = await scenes(1, 0).load(0);
  const prompt = promptAbout(image, "How many circles are there?");
  const sampling = { groupSize: 8, temperature: 1, topK: 0, topP: 1, maxTokens: 24 };
  for (let seed = 0; seed < 2; seed++) {
    const [group = []] = await policy.sample([prompt], { ...sampling, seed });
    const advantages = groupAdvantages([group.map(({ text }) => text.match(/[a-z]/g)?.length ?? 0)], "group");
    const rollouts = group.map((completion, g) => ({ completion, advantage: advantages[0]?.[g] ?? 0 }));
    await policy.update([{ prompt, rollouts }], { ...grpo, learningRate: 1e-2 });
  }
  await policy.save(adapter);
  const [sampled = []] = await policy.sample([prompt], { ...sampling, seed: 2 });
  const { tokens } = wholePrompt(policy.tokens(prompt));
  const { width, height, data } = image;
  await sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toFile(join(folder, "image.png"));
  const rollouts = join(folder, "rollouts.json");
  await writeFile(
    rollouts,
    JSON.stringify({
      text: textOf(prompt),
      prompt: [...tokens],
      completions: sampled.map(({ tokens, logProbs }) => ({ tokens: [...tokens], logProbs: [...logProbs] })),
    }),
  );
  return rollouts;
}
