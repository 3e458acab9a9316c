/**
 * `npm run bench:guards`: is the attribution of errors right, what does it cost, and does acting on it help? Each play is kept
 * as it ends, so that a bench that was interrupted goes on.
 */
import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { program } from "commander";
import { mean } from "../arena/statistics.ts";
import { replaceFile } from "../common/disk.ts";
import type { Evaluated, RunEvent } from "../replay/events.ts";
import { ReplayReader } from "../replay/reader.ts";
import { type Figure, type Figures, figuresTable, writeFigures } from "./figures.ts";
import { type NoisedPart, writeNoised } from "./guards/noised_model.ts";
import { attributedRight } from "./guards/planted.ts";
import { packageRoot, scratchFolder } from "./models.ts";
import { playArena } from "./play.ts";
import { outputOf } from "./program.ts";
import { openLocal } from "./prompts.ts";

const { json, work, seeds, only } = program
  .name("npm run bench:guards --")
  .description(
    "attribution of errors, labels with evidence, verified rewards and the vision tower's rate, on the embedded model",
  )
  .option("--json <file>", "where to write the figures")
  .option("--work <folder>", "where plays are kept, so that they go on (default: a folder that is removed)")
  .option("--seeds <n>", "how many", Number, 3)
  .option("--only <name>", "planted, noise, labels, rewards, cost or rates")
  .parse()
  .opts<{ json?: string; work?: string; seeds: number; only?: string }>();

await using scratch = await scratchFolder();
const folder = work ?? scratch.path;
const embedded = join(packageRoot, "models/tiny");

/** What a play came to, by figure. */
type Outcome = Readonly<Record<string, number>>;

const playsFile = join(folder, "plays.json");
const plays: Record<string, Outcome> = existsSync(playsFile)
  ? JSON.parse(await readFile(playsFile, "utf8"))
  : {};

/** Plays what was not played before, for each seed. */
async function play(name: string, outcome: (seed: number, own: string) => Promise<Outcome>): Promise<void> {
  if (only !== undefined && name.split(" ")[0] !== only) return;
  for (let seed = 0; seed < seeds; seed++) {
    const key = `${name} ${seed}`;
    if (plays[key]) continue;
    process.stderr.write(`${key} …\n`);
    plays[key] = await outcome(seed, join(folder, key.replaceAll(" ", "-")));
    await replaceFile(playsFile, `${JSON.stringify(plays, null, 2)}\n`);
  }
}

/** Plays a run, unless it was played to its end; one that was interrupted is played anew. */
async function train(seed: number, own: string, settings: readonly string[]): Promise<void> {
  const summary = join(own, "summary.json");
  const status = existsSync(summary) ? JSON.parse(await readFile(summary, "utf8")).status : null;
  if (status === "finished") return;
  await rm(own, { recursive: true, force: true });
  await playArena(seed, own, settings);
}

/** What a run recorded beside its episodes. */
function eventsOf<T extends RunEvent["type"]>(run: string, type: T): Extract<RunEvent, { type: T }>[] {
  using reader = ReplayReader.open(run);
  const found: Extract<RunEvent, { type: T }>[] = [];
  for (const { event } of reader.events())
    if (event.type === type) found.push(event as Extract<RunEvent, { type: T }>);
  return found;
}

const still = ["evaluation.questions=0"];
const asked = ["rounds=1", "questioner.train=false"];

await play("planted", async (seed) => {
  await using policy = await openLocal(embedded, 2);
  return { attributed_right: await attributedRight(policy, 600, seed) };
});

for (const part of ["none", "vision", "text"] as const)
  await play(`noise ${part}`, (seed, own) => causesOf(part, seed, own));

async function causesOf(part: NoisedPart | "none", seed: number, own: string): Promise<Outcome> {
  const noised = { part: part as NoisedPart, share: 0.35, seed };
  if (part !== "none") await writeNoised(embedded, own, noised);
  const predictions = `${own}.jsonl`;
  const model = part === "none" ? embedded : own;
  const visplay = join(packageRoot, "dist/cli/main.js");
  const sizes = ["--set", `evaluation.seed=${seed}`, "--set", "evaluation.samples=1"];
  await outputOf(process.execPath, [visplay, "eval", "--model", model, "--out", predictions, ...sizes]);
  const lines = (await readFile(predictions, "utf8")).trim().split("\n");
  const rows = lines.map((line) => JSON.parse(line) as { description: string | null; cause: string | null });
  const known = rows.filter(({ description }) => description !== null);
  const share = (cause: string) => known.filter((row) => row.cause === cause).length / known.length;
  return { grounding: share("grounding"), reasoning: share("reasoning"), fusion: share("fusion") };
}

for (const use of ["none", "weighs", "required"] as const)
  await play(`labels ${use}`, async (seed, own) => {
    const few = ["curriculum.images=400", "reasoner.stepsPerRound=1"];
    await train(seed, own, [...asked, ...still, ...few, `curriculum.evidence.use=${use}`]);
    const [built] = eventsOf(own, "curriculumBuilt");
    if (!built?.audit) throw new Error(`${own} has no audited curriculum`);
    return {
      right: built.audit.silverCorrect ?? 0,
      kept: built.admitted / built.questions,
      wrong_at_1: 1 - (built.audit.silverCorrectByConfidence.at(-1) ?? 1),
    };
  });

const rewards: Readonly<Record<string, readonly string[]>> = {
  plain: [],
  staged: ["reasoner.reward.verification=staged", "reasoner.reward.attribution=by_part"],
};
for (const [name, settings] of Object.entries(rewards))
  await play(`rewards ${name}`, async (seed, own) => {
    const equal = ["curriculum.images=600", "reasoner.stepsPerRound=100", "evaluation.everyRound=false"];
    await train(seed, own, [...asked, ...equal, ...settings]);
    return scoresOf(eventsOf(own, "evaluated").at(-1));
  });

function scoresOf(evaluated: Evaluated | undefined): Outcome {
  if (!evaluated) throw new Error("a run without an evaluation");
  const { overall, looking } = evaluated.report;
  const share = (figure: { readonly percent: number } | undefined) => (figure?.percent ?? Number.NaN) / 100;
  return {
    greedy: share(overall.greedy),
    mean8: share(overall.mean8),
    dependence: share(looking.dependence),
    hallucination: share(looking.chairThings),
    encoder: share(looking.encoder),
  };
}

for (const share of [0, 0.1])
  await play(`cost ${share}`, async (seed, own) => {
    const few = ["curriculum.images=200", "reasoner.stepsPerRound=40"];
    await train(seed, own, [...asked, ...still, ...few, `attribution.share=${share}`]);
    const steps = eventsOf(own, "reasonerStep").slice(5);
    return { step_ms: median(steps.map(({ durationMs }) => durationMs)) };
  });

for (const factor of [0, 0.1, 1, 10])
  await play(`rates ${factor}`, async (seed, own) => {
    const rounds = [
      "rounds=3",
      "questioner.train=false",
      "curriculum.images=600",
      "reasoner.stepsPerRound=100",
    ];
    const rate = `optimizer.visionLearningRateFactor=${factor}`;
    await train(seed, own, [...rounds, rate]);
    const evaluations = eventsOf(own, "evaluated");
    const [base, ...after] = evaluations.map(scoresOf);
    const alarm = eventsOf(own, "alarm").find(({ name }) => name === "encoder");
    const fallen = after.findIndex(({ greedy = 0 }) => greedy < (base?.greedy ?? 0) - 0.03);
    return {
      ...(after.at(-1) as Outcome),
      greedy_base: base?.greedy ?? Number.NaN,
      alarm_round: alarm?.round ?? 0,
      fallen_round: fallen < 0 ? 0 : fallen + 1,
      step_ms: median(eventsOf(own, "reasonerStep").map(({ durationMs }) => durationMs)),
    };
  });

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** The mean over the seeds that were played. */
function meanOf(name: string, figure: string): number {
  const values = Object.entries(plays).flatMap(([key, outcome]) =>
    key.startsWith(`${name} `) && key.split(" ").length === name.split(" ").length + 1
      ? [outcome[figure] ?? Number.NaN]
      : [],
  );
  return values.length === 0 ? Number.NaN : mean(values);
}

const share = (value: number): Figure => ({ value, unit: "share" });
const all: Figures = {
  attributed_right: share(meanOf("planted", "attributed_right")),
  attribution_cost: share(meanOf("cost 0.1", "step_ms") / meanOf("cost 0", "step_ms") - 1),
  labels_right_votes: share(meanOf("labels none", "right")),
  labels_right_evidence: share(meanOf("labels required", "right")),
  labels_right_weighs: share(meanOf("labels weighs", "right")),
  labels_kept_votes: share(meanOf("labels none", "kept")),
  labels_kept_evidence: share(meanOf("labels required", "kept")),
  labels_wrong_at_1_votes: share(meanOf("labels none", "wrong_at_1")),
  labels_wrong_at_1_evidence: share(meanOf("labels required", "wrong_at_1")),
  hallucination_rate_plain: share(meanOf("rewards plain", "hallucination")),
  hallucination_rate_staged: share(meanOf("rewards staged", "hallucination")),
  ...Object.fromEntries(
    ["plain", "staged"].flatMap((arm) =>
      ["greedy", "mean8", "dependence"].map((figure) => [
        `${figure}_${arm}`,
        share(meanOf(`rewards ${arm}`, figure)),
      ]),
    ),
  ),
  ...Object.fromEntries(
    ["none", "vision", "text"].flatMap((part) =>
      ["grounding", "reasoning"].map((cause) => [
        `${cause}_noised_${part}`,
        share(meanOf(`noise ${part}`, cause)),
      ]),
    ),
  ),
  ...Object.fromEntries(
    ["0", "0.1", "1", "10"].flatMap((factor) => [
      [`encoder_rate_${factor}`, share(meanOf(`rates ${factor}`, "encoder"))],
      [`greedy_rate_${factor}`, share(meanOf(`rates ${factor}`, "greedy"))],
      [`step_ms_rate_${factor}`, { value: meanOf(`rates ${factor}`, "step_ms"), unit: "ms" }],
    ]),
  ),
};
const known = Object.fromEntries(Object.entries(all).filter(([, { value }]) => Number.isFinite(value)));
console.log(figuresTable(known));
if (json) await writeFigures(json, known);
