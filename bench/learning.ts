/**
 * `npm run bench:learning`: what self-play teaches the embedded model, over several seeds, beside its controls. Each
 * play is a `visplay train` of its own, written down as soon as it has ended, so that an interrupted bench can go on
 * with --only.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Option, program } from "commander";
import { replaceFile } from "../common/disk.ts";
import { ceiling, type LearningReport, playOf, selfPlay, withPlay } from "./learning_report.ts";
import { learningTables } from "./learning_table.ts";
import { playArena } from "./play.ts";

/** What each variant sets differently from the default configuration. */
const variants: Readonly<Record<string, readonly string[]>> = {
  [selfPlay]: [],
  untrained_questioner: ["questioner.train=false"],
  no_band: ["curriculum.band.low=0", "curriculum.band.high=1"],
  format_only: ["questioner.reward.form=format_only"],
  [ceiling]: ['reasoner.labels="true"'],
};

/** Three times as many held-out questions as by default: chance moves a difference over 700 by more than a point. */
const heldOut: readonly string[] = ["evaluation.questions=2100", "evaluation.scenes=720"];

interface Options {
  readonly seeds: number;
  readonly json?: string;
  readonly controls: "true" | "false";
  readonly only: readonly string[];
  readonly set: readonly string[];
  readonly runs: string;
}

const names = Object.keys(variants).join(", ");
const now = new Date().toISOString().slice(0, 19).replace(/[T:]/g, "-");
const collect = (text: string, before: readonly string[]) => [...before, text];
const yesNo = new Option("--controls <bool>", "whether to play the controls").choices(["true", "false"]);
const { seeds, json, controls, only, set, runs } = program
  .name("npm run bench:learning --")
  .description("play the arena on several seeds, and its controls on the same")
  .option("--seeds <n>", "seeds of each variant, from 0", Number, 3)
  .option("--json <file>", "where to write the plays, each as soon as it has ended")
  .addOption(yesNo.default("true"))
  .option(
    "--only <name>",
    `one variant, or variant/seed, added to --json's; again for more: ${names}`,
    collect,
    [],
  )
  .option("--set <key=value>", "a setting of every play, as of visplay train; again for more", collect, [])
  .option("--runs <folder>", "where the plays' own folders go", join("runs", `learning-${now}`))
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

let report: LearningReport = only.length > 0 && json ? await readReport(json) : { seeds: [], controls: {} };
const failures: string[] = [];
const startedMs = Date.now();
for (const [done, { variant, seed, name }] of plays.entries()) {
  const leftMs = ((Date.now() - startedMs) / done) * (plays.length - done);
  const left = done === 0 ? "" : `, about ${Math.ceil(leftMs / 60_000)} min left`;
  process.stderr.write(`\n${name}: ${done + 1} of ${plays.length}${left}\n`);
  try {
    const summary = await playArena(seed, join(runs, variant, `seed-${seed}`), [
      ...heldOut,
      ...(variants[variant] ?? []),
      ...set,
    ]);
    report = withPlay(report, variant, playOf(seed, summary));
  } catch (error) {
    failures.push(`${name}: ${(error as Error).message}`);
    continue;
  }
  if (json) await replaceFile(json, `${JSON.stringify(report, null, 2)}\n`);
}
console.log(`\n${learningTables(report)}`);
for (const failure of failures) console.log(`failed: ${failure}`);
if (failures.length > 0) process.exitCode = 1;

/** What an earlier bench wrote; nothing where there is no such file. */
async function readReport(path: string): Promise<LearningReport> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return '{"seeds": [], "controls": {}}';
    throw error;
  });
  return JSON.parse(text);
}
