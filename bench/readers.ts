/**
 * `npm run bench:readers`: plays a short run, exports its curriculum in every format, and lets each trainer's own loading
 * code read its one. `{reader: {rows, equal}}`: equal where questions, answers and pixels are those of the lines of JSON. A
 * run with tools is exported as trajectories, which TRL reads: equal where messages, calls, tools and pixels are.
 */
import { join } from "node:path";
import { program } from "commander";
import { replaceFile } from "../common/disk.ts";
import { table } from "./figures.ts";
import { packageRoot, scratchFolder } from "./models.ts";
import { outputOf, reportOf } from "./program.ts";
import { pythonOf } from "./python.ts";

const { json, python, run } = program
  .name("npm run bench:readers --")
  .description("every trainer reads an export of a run with its own loading code")
  .option("--json <file>", "where to write what they read")
  .option("--run <folder>", "a run to export; else a short one is played")
  .option("--python <path>", "one Python for all; else each set of readers gets an environment in its folder")
  .parse()
  .opts<{ json?: string; python?: string; run?: string }>();

type Report =
  | { readonly rows: number; readonly equal: boolean }
  | { readonly missing: string }
  | { readonly failed: string };

/** Readers by the folder whose requirements they share. */
const environments: Readonly<Record<string, readonly string[]>> = {
  common: ["datasets", "trl", "webdataset"],
  verl: ["verl"],
  "ms-swift": ["ms-swift"],
  "llama-factory": ["llama-factory"],
};

const here = join(packageRoot, "bench/readers");
await using scratch = await scratchFolder();
const exports = join(scratch.path, "exports");
const visplay = (...args: string[]): Promise<string> =>
  outputOf(process.execPath, [join(packageRoot, "dist/cli/main.js"), ...args]);

const played = run ?? join(scratch.path, "run");
if (run === undefined)
  await visplay("train", "--config", join(packageRoot, "docs/quick.yaml"), "--out", played);
const formats = [...Object.values(environments).flat(), "jsonl"].flatMap((name) => ["--format", name]);
console.log(await visplay("export-curriculum", played, ...formats, "--out", exports));

const acted = join(scratch.path, "acted");
const stage =
  "{kind: environment, environment: scenes, tools: [zoom], maxTurns: 2, steps: 1, itemsPerStep: 8, groupSize: 4}";
await visplay("train", "--out", acted, "--set", `stages=[${stage}]`, "--set", "evaluation.questions=0");
const trajectories = join(scratch.path, "trajectories");
const both = ["--format", "trl", "--format", "jsonl"];
console.log(await visplay("export-trajectories", acted, ...both, "--out", trajectories));

const reports: Record<string, Report> = {};
for (const [folder, readers] of Object.entries(environments))
  Object.assign(reports, await reportsOf(folder, readers, "read_exports.py", exports));
Object.assign(
  reports,
  await reportsOf("common", ["trajectories", "trl-sft"], "read_trajectories.py", trajectories),
);
reports.easyr1 = { missing: "EasyR1 is not on PyPI" };
console.log(table(Object.entries(reports).map(([name, report]) => [name, said(report)])));
if (json) await replaceFile(json, `${JSON.stringify(reports, null, 2)}\n`);

async function reportsOf(
  folder: string,
  readers: readonly string[],
  program: string,
  exported: string,
): Promise<Record<string, Report>> {
  let interpreter: string;
  try {
    interpreter = python ?? (await pythonOf(join(here, folder)));
  } catch (error) {
    const [missing = ""] = (error as Error).message.split("\n");
    return Object.fromEntries(readers.map((name) => [name, { missing }]));
  }
  const model = join(packageRoot, "models/tiny");
  return reportOf(interpreter, [join(here, program), exported, model, ...readers]);
}

function said(report: Report): string {
  if ("missing" in report) return `not installed: ${report.missing}`;
  if ("failed" in report) return `failed: ${report.failed}`;
  return `${report.rows} rows, ${report.equal ? "equal" : "NOT EQUAL"}`;
}
