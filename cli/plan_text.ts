import CliTable from "cli-table3";
import type { RunConfig } from "../arena/config/config.ts";
import { allRounds, type StageConfig } from "../arena/config/stages.ts";
import { groupBy } from "../common/group_by.ts";
import type { Phase } from "../replay/stages.ts";
import type { MemoryEstimate, PhaseEstimate } from "./estimate.ts";
import { bytes, count, duration, plural } from "./format.ts";
import { phaseWork } from "./phase_work.ts";
import { phaseName, sourcesText } from "./plan_sources.ts";
import type { Plan } from "./run_plan.ts";
import { borders } from "./table.ts";

/** A plan for people: a table of the phases, one of several stages, time, memory and disk, and how each figure was got. */
export function planText(config: RunConfig, plan: Plan): string {
  return [
    phasesTable(config, plan),
    "",
    ...(plan.stages.length > 1 ? [stagesTable(plan), ""] : []),
    `time    ${time(plan)} for ${plural(allRounds(config), "round")}${unknownText(plan)}`,
    `memory  ${memory(plan)}`,
    `disk    ${disk(plan)}`,
    "",
    ...sourcesText(config, plan),
  ].join("\n");
}

function phasesTable(config: RunConfig, { stages }: Plan): string {
  const head = ["", "rounds", "steps", "a step", "time a step", "time a round", "replay a round"];
  const planned = stages.flatMap((stage, index) => {
    const work = phaseWork({ ...config, stages: [config.stages[index] as StageConfig] });
    return (Object.entries(stage.phases) as [Phase, PhaseEstimate][]).map(([phase, each]) => ({
      name: phaseName(stage, phase, stages),
      rounds: stage.schedule.filter((other) => other.phase === phase).length,
      unit: work[phase]?.unit,
      each,
    }));
  });
  // Evaluations are those of several stages, and stand behind them.
  const ordered = planned.toSorted(
    (a, b) => Number(a.name === "evaluation") - Number(b.name === "evaluation"),
  );
  const rows = [...groupBy(ordered, ({ name }) => name)].map(([name, alike]) => {
    const { each, unit } = alike.at(-1) as (typeof planned)[number];
    return [
      name,
      `${alike.reduce((sum, { rounds }) => sum + rounds, 0)}`,
      count(each.steps),
      `${count(each.unitsPerStep)} ${unit}`,
      each.stepMs === null ? "?" : `${about(each)}${stepTime(each.stepMs)}`,
      each.totalMs === null ? "?" : `${about(each)}${duration(each.totalMs)}`,
      each.replayBytes === null ? "?" : bytes(each.replayBytes),
    ];
  });
  return table(head, rows);
}

function stagesTable({ stages }: Plan): string {
  const head = ["", "rounds", "time", "memory", "models", "replay"];
  const rows = stages.map((stage) => [
    stage.name,
    `${stage.rounds}`,
    stage.totalMs === 0 ? "?" : duration(stage.totalMs),
    memoryRange(stage.memory),
    bytes(stage.modelBytes),
    bytes(stage.replayBytes),
  ]);
  return table(head, rows);
}

function table(head: readonly string[], rows: readonly string[][]): string {
  const made = new CliTable({
    head: [...head],
    colAligns: ["left", ...new Array(head.length - 1).fill("right")],
    style: { head: [], border: [] },
    chars: borders,
  });
  made.push(...rows);
  return made.toString();
}

function stepTime(ms: number): string {
  return ms < 100_000 ? `${(ms / 1000).toFixed(2)} s` : duration(ms);
}

function about({ guessed }: PhaseEstimate): string {
  return guessed ? "~ " : "";
}

function time({ totalMs, stages }: Plan): string {
  if (totalMs === 0) return "unknown";
  return `${stages.some(({ probe }) => probe.cutShort) ? "roughly" : "about"} ${duration(totalMs)}`;
}

function unknownText({ stages }: Plan): string {
  const unknown = stages.flatMap((stage) => stage.unknown);
  return unknown.length === 0 ? "" : `, without the ${unknown.join(" and the ")} phase, which is unknown`;
}

function memoryRange({ least, most }: MemoryEstimate): string {
  return most > least ? `${bytes(least)} to ${bytes(most)}` : bytes(least);
}

function memory({ stages, machine }: Plan): string {
  const least = Math.max(...stages.map(({ memory }) => memory.least));
  const most = Math.max(...stages.map(({ memory }) => memory.most));
  return `at least ${memoryRange({ least, most })}, of ${bytes(machine.memoryBytes)}`;
}

function disk(plan: Plan): string {
  const { modelBytes, checkpointBytes, replayBytes, machine, stages } = plan;
  const folders = stages.reduce((sum, { models }) => sum + models, 0);
  const models = `${bytes(modelBytes)} of models (${plural(folders, "folder")})`;
  const parts = `${models}, ${bytes(checkpointBytes)} of checkpoints and ${bytes(replayBytes)} of replay`;
  const total = modelBytes + checkpointBytes + replayBytes;
  const enough = total < machine.freeDiskBytes ? "" : ": NOT ENOUGH";
  return `${bytes(total)}: ${parts}; ${bytes(machine.freeDiskBytes)} are free${enough}`;
}
