/**
 * `npm run bench:learning`: what self-play teaches the embedded model, over several seeds, beside its controls. Each
 * play is a `visplay train` of its own, written down as soon as it has ended: the same command goes on where it stopped,
 * in the middle of a play, too.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Option, program } from "commander";
import { replaceFile } from "../common/disk.ts";
import {
  ceiling,
  holds,
  type LearningReport,
  type Play,
  type Played,
  playOf,
  selfPlay,
  supervised,
  untrained,
  withPlay,
} from "./learning_report.ts";
import { learningTables } from "./learning_table.ts";
import { packageRoot } from "./models.ts";
import { outcomesIn, playArena } from "./play.ts";
import { playSupervised } from "./supervised.ts";

/** What each variant sets differently from the default configuration; null plays no rounds. */
const variants: Readonly<Record<string, readonly string[] | null>> = {
  [selfPlay]: [],
  [untrained]: ["questioner.train=false"],
  no_band: ["curriculum.band.low=0", "curriculum.band.high=1"],
  format_only: ["questioner.reward.form=format_only"],
  [ceiling]: ['reasoner.labels="true"'],
  [supervised]: null,
};

const empty: LearningReport = { seeds: [], controls: {} };

/** Three times as many held-out questions as by default: chance moves a difference over 700 by more than a point. */
const heldOut: readonly string[] = ["evaluation.questions=2100", "evaluation.scenes=720"];

interface Options {
  readonly seeds: number;
  readonly json?: string;
  readonly controls: "true" | "false";
  readonly only: readonly string[];
  readonly set: readonly string[];
  readonly runs: string | undefined;
}

const names = Object.keys(variants).join(", ");
const now = new Date().toISOString().slice(0, 19).replace(/[T:]/g, "-");
const collect = (text: string, before: readonly string[]) => [...before, text];
const yesNo = new Option("--controls <bool>", "whether to play the controls").choices(["true", "false"]);
const { seeds, json, controls, only, set, ...given } = program
  .name("npm run bench:learning --")
  .description("play the arena on several seeds, and its controls on the same")
  .option("--seeds <n>", "seeds of each variant, from 0", Number, 5)
  .option(
    "--json <file>",
    "where the plays are written, each as soon as it has ended; those that it holds are not played again",
  )
  .addOption(yesNo.default("true"))
  .option(
    "--only <name>",
    `one variant, or variant/seed, also where --json holds it; again for more: ${names}`,
    collect,
    [],
  )
  .option("--set <key=value>", "a setting of every play, as of visplay train; again for more", collect, [])
  .option(
    "--runs <folder>",
    "where the plays' own folders go (default: beside --json, else a new one under runs/)",
  )
  .parse()
  .opts<Options>();

const planned = Object.keys(variants)
  .filter((variant) => variant === selfPlay || controls === "true")
  .flatMap((variant) =>
    Array.from({ length: seeds }, (_, seed) => ({ variant, seed, name: `${variant}/${seed}` })),
  );
for (const wanted of only)
  if (!planned.some(({ variant, name }) => wanted === variant || wanted === name))
    program.error(`--only ${wanted}: expected one of ${planned.map(({ name }) => name).join(", ")}`);
const plays = planned.filter(
  ({ variant, name }) => only.length === 0 || only.includes(variant) || only.includes(name),
);

const runs = given.runs ?? (json ? json.replace(/(\.json)?$/, "-runs") : join("runs", `learning-${now}`));
const weights = await readFile(join(packageRoot, "models/tiny/model.safetensors"));
const own: Played = { set, model: createHash("sha256").update(weights).digest("hex") };
let report: LearningReport = { ...(json ? await readReport(json) : empty), of: own };
const left = plays.filter(({ variant, seed }) => only.length > 0 || !holds(report, variant, seed));
if (left.length < plays.length)
  process.stderr.write(`${plays.length - left.length} of ${plays.length} plays are there\n`);
const failures: string[] = [];
const startedMs = Date.now();
for (const [done, { variant, seed, name }] of left.entries()) {
  const leftMs = ((Date.now() - startedMs) / done) * (left.length - done);
  const time = done === 0 ? "" : `, about ${Math.ceil(leftMs / 60_000)} min left`;
  process.stderr.write(`\n${name}: ${done + 1} of ${left.length}${time}\n`);
  try {
    report = withPlay(report, variant, await play(variant, seed));
  } catch (error) {
    failures.push(`${name}: ${(error as Error).message}`);
    continue;
  }
  if (json) await replaceFile(json, `${JSON.stringify(report, null, 2)}\n`);
}
console.log(`\n${learningTables(report)}`);
for (const failure of failures) console.log(`failed: ${failure}`);
if (failures.length > 0) process.exitCode = 1;

async function play(variant: string, seed: number): Promise<Play> {
  const folder = join(runs, variant, `seed-${seed}`);
  const settings = variants[variant];
  if (settings) {
    const summary = await playArena(seed, folder, [...heldOut, ...settings, ...set]);
    return playOf(seed, summary, outcomesIn(folder));
  }
  await mkdir(folder, { recursive: true });
  return playSupervised(seed, folder, [...heldOut, ...set]);
}

/** What an earlier bench wrote; nothing where there is no such file. Ends the program where that had other plays. */
async function readReport(path: string): Promise<LearningReport> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
  if (text === null) return empty;
  const found: LearningReport = JSON.parse(text);
  if (JSON.stringify(found.of) !== JSON.stringify(own)) {
    const message = `${path} holds plays of other settings (--set), or of another base; choose another file`;
    program.error(message);
  }
  return found;
}
