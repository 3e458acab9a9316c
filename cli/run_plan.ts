import { readdir, stat } from "node:fs/promises";
import { totalmem } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { splitTasks } from "../arena/config/skills.ts";
import { type Stage, type StageConfig, stagesOf } from "../arena/config/stages.ts";
import { evaluator } from "../arena/evaluation.ts";
import { steadyClock } from "../common/clock.ts";
import { freeBytes } from "../common/free_bytes.ts";
import { zip } from "../common/zip.ts";
import { adapterRank } from "../policy/parallel/open_policy.ts";
import { countNumbers } from "../policy/weights/safetensors.ts";
import {
  type Cost,
  checkpointBytes,
  estimateMemory,
  estimateStage,
  type MemoryEstimate,
  type Resident,
  type StageEstimate,
  sumOfCosts,
} from "./estimate.ts";
import { liveOpening } from "./live_opening.ts";
import { openMaterials, type RunMaterials } from "./materials.ts";
import type { WithModel } from "./model.ts";
import { PeakMemory } from "./peak_memory.ts";
import type { OneStage } from "./phase_work.ts";
import { type Probed, probes } from "./probes.ts";
import type { Opening } from "./run_images.ts";
import { openPlayers } from "./stage_players.ts";

/** What was measured of a stage. */
export interface ProbedStage {
  readonly probe: Probed;
  /** Trainable numbers of a policy. */
  readonly parameters: number;
  /** Until its policies answered. */
  readonly openMs: number;
  readonly residentBytes: Resident;
}

/** A stage with what it is expected to take. */
export interface StagePlan extends ProbedStage, StageEstimate {
  readonly name: string;
  readonly rounds: number;
  /** What it learns from; null for self-play, which has the pool. */
  readonly rows: { readonly count: number; readonly unit: "labelled row" | "task" } | null;
  readonly memory: MemoryEstimate;
}

/** What `visplay plan` knows of a run; costs are those of all stages. */
export interface Plan extends Cost {
  readonly stages: readonly StagePlan[];
  readonly checkpointBytes: number;
  /** Images in the pool. */
  readonly images: number;
  readonly machine: { readonly memoryBytes: number; readonly freeDiskBytes: number };
}

/** What a run would take, from probes of its stages that end at a moment of the steady clock. */
export async function makePlan(model: WithModel, signal: AbortSignal, endMs: number): Promise<Plan> {
  const { config, folder, base } = model;
  using opening = liveOpening(signal, "opening the model");
  await using materials = await openMaterials(model, opening);
  const all = stagesOf(config);
  const probed: ProbedStage[] = [];
  for (const stage of all) {
    const leftMs = endMs - steadyClock.now();
    const stageEndMs = endMs - leftMs + leftMs / (all.length - stage.index);
    const before = all.slice(0, stage.index);
    const known = probed[before.findIndex(({ config }) => areAlike(config, stage.config))];
    const evaluated =
      probed[before.findIndex((each) => isDeepStrictEqual(answering(each), answering(stage)))];
    const measure = () => probeStage(stage, model, materials, opening, stageEndMs, evaluated?.probe);
    probed.push(known ?? (await measure()));
  }
  const adapted = base !== folder || (await adapterRank(config.adapter.rank, base)) > 0;
  const modelBytes = adapted ? 4 * (probed[0] as ProbedStage).parameters : await savedBytes(base);
  const stages = zip(all, probed).map(([stage, each]): StagePlan => {
    const { name, rounds } = stage;
    const rows = rowsOf(stage, materials);
    const supply = { images: materials.images.length, rows: rows?.count ?? null };
    const estimated = estimateStage(config, stage, supply, each.probe, modelBytes);
    const memory = estimateMemory(each.residentBytes, each.probe.scale);
    return { name, rounds, rows, ...each, ...estimated, memory };
  });
  return {
    stages,
    ...sumOfCosts(stages),
    checkpointBytes: checkpointBytes(config, modelBytes),
    images: materials.images.length,
    machine: { memoryBytes: totalmem(), freeDiskBytes: await freeBytes(config.out ?? "runs") },
  };
}

/** Whether a probe of one is one of the other, too: rounds of self-play with the same tools. */
function areAlike(one: StageConfig, other: StageConfig): boolean {
  const each = { rounds: 1, requires: {} };
  return other.kind === "self_play" && isDeepStrictEqual({ ...one, ...each }, { ...other, ...each });
}

/** How questions are answered in a stage where it is measured: with its tools, where self-play has some. */
function answering({ config }: Stage): unknown {
  return config.kind === "self_play" && config.tools.use.length > 0 ? [config.tools, config.maxTurns] : null;
}

/**
 * Opens the policies of a stage, as a run would, with the run's own model in place of what the stage before makes, and
 * measures what an `earlier` one did not whose evaluations are the same.
 */
async function probeStage(
  { config: stage, name, index }: Stage,
  model: WithModel,
  materials: RunMaterials,
  { signal, show }: Opening,
  endMs: number,
  earlier?: Probed,
): Promise<ProbedStage> {
  show(`opening the model for ${name}`);
  using memory = new PeakMemory();
  const startedMs = steadyClock.now();
  await using players = await openPlayers(model, stage.kind);
  const { policies, reference } = players;
  const { parameters } = await policies.reasoner.info();
  const openMs = steadyClock.now() - startedMs;
  const opened = process.memoryUsage.rss();
  const { images, truth, templates, encode, labelled, environments, toolkits, checkers, tests } = materials;
  const evaluated = earlier?.phases.evaluation;
  const evaluation = { ...model.config.evaluation, ...(evaluated && { questions: 0 }) };
  const config: OneStage = { ...model.config, evaluation, stages: [stage] };
  const ports = {
    ...{ policies, reference, images, truth, templates, encode, checkers, clock: steadyClock },
    labelled: [labelled[index] ?? null],
    environments: [environments[index] ?? null],
    toolkits: [toolkits[index] ?? null],
    evaluator: (short: OneStage) =>
      evaluator(short, tests.of(short.evaluation), { templates, encode, checkers }),
  };
  const found = await probes(config, ports, {
    signal,
    ...(earlier?.pace && { pace: earlier.pace }),
    until: AbortSignal.timeout(Math.max(1, Math.ceil(endMs - steadyClock.now()))),
    endMs,
    say: (text) => show(model.config.stages.length > 1 ? `${name}: ${text}` : text),
  });
  const probe = { ...found, phases: { ...(evaluated && { evaluation: evaluated }), ...found.phases } };
  return { probe, parameters, openMs, residentBytes: { opened, peak: memory.bytes } };
}

/** What a stage learns from. */
function rowsOf(
  { config: stage, index }: Stage,
  { labelled, environments }: RunMaterials,
): StagePlan["rows"] {
  if (stage.kind === "self_play") return null;
  const all = stage.kind === "sft" ? labelled[index]?.items.length : environments[index]?.tasks;
  const { taught: count } = splitTasks(stage, all ?? 0);
  return { count, unit: stage.kind === "environment" ? "task" : "labelled row" };
}

/** Bytes of a model folder as a run saves it: every number in 32 bits, and the other files as they are. */
async function savedBytes(folder: string): Promise<number> {
  const files = await readdir(folder);
  const sizes = files.map(async (file) => {
    const path = join(folder, file);
    return file.endsWith(".safetensors") ? 4 * (await countNumbers(path)) : (await stat(path)).size;
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
