import CliTable from "cli-table3";
import type { RunConfig } from "../arena/config/config.ts";
import type { SelfPlayPhase } from "../replay/stages.ts";
import type { PhaseEstimate, RunEstimate } from "./estimate.ts";
import { bytes, count, duration, plural } from "./format.ts";
import { phaseWork } from "./phase_work.ts";
import { type Probed, sizes } from "./probes.ts";
import { borders } from "./table.ts";

/** What `visplay plan` knows of a run. */
export interface Plan extends RunEstimate {
  /** Images in the pool. */
  readonly images: number;
  readonly probe: Probed;
  /** Until both policies answered. */
  readonly openMs: number;
  /** Bytes resident once the policies were open, and at the probe's peak. */
  readonly residentBytes: { readonly opened: number; readonly peak: number };
  readonly machine: { readonly memoryBytes: number; readonly freeDiskBytes: number };
}

/** A plan for people: a table of the phases, time, memory and disk, and how each figure was got. */
export function planText(config: RunConfig, plan: Plan): string {
  return [
    phasesTable(plan),
    "",
    `time    ${time(plan)} for ${plural(config.rounds, "round")}${unknownText(plan)}`,
    `memory  ${memory(plan)}`,
    `disk    ${disk(config, plan)}`,
    "",
    ...how(config, plan),
  ].join("\n");
}

function phasesTable({ schedule, phases }: Plan): string {
  const table = new CliTable({
    head: ["", "rounds", "steps", "a step", "time a step", "time a round", "replay a round"],
    colAligns: ["left", ...new Array(6).fill("right")],
    style: { head: [], border: [] },
    chars: borders,
  });
  for (const [phase, each] of Object.entries(phases) as [SelfPlayPhase, PhaseEstimate][]) {
    const times = schedule.filter((planned) => planned.phase === phase).length;
    table.push([
      phase,
      `${times}`,
      count(each.steps),
      `${count(each.unitsPerStep)} ${phaseWork[phase].unit}`,
      each.stepMs === null ? "?" : `${about(each)}${stepTime(each.stepMs)}`,
      each.totalMs === null ? "?" : `${about(each)}${duration(each.totalMs)}`,
      each.replayBytes === null ? "?" : bytes(each.replayBytes),
    ]);
  }
  return table.toString();
}

function stepTime(ms: number): string {
  return ms < 100_000 ? `${(ms / 1000).toFixed(2)} s` : duration(ms);
}

function about({ guessed }: PhaseEstimate): string {
  return guessed ? "~ " : "";
}

function time({ totalMs, probe: { cutShort } }: Plan): string {
  if (totalMs === 0) return "unknown";
  return `${cutShort ? "roughly" : "about"} ${duration(totalMs)}`;
}

function unknownText({ unknown }: Plan): string {
  return unknown.length === 0 ? "" : `, without the ${unknown.join(" and the ")} phase, which is unknown`;
}

/** From smaller steps than of this part of the sizes, nothing is said of how memory grows. */
const mostGrowth = 8;

function memory({ residentBytes: { opened, peak }, probe: { scale }, machine }: Plan): string {
  const grown = opened + scale * (peak - opened);
  const range = scale > 1 && scale <= mostGrowth ? ` to ${bytes(grown)}` : "";
  return `at least ${bytes(peak)}${range}, of ${bytes(machine.memoryBytes)}`;
}

function disk({ rounds }: RunConfig, plan: Plan): string {
  const { modelBytes, checkpointBytes, replayBytes, machine } = plan;
  const models = `${bytes(modelBytes)} of models (${plural(2 * rounds, "folder")})`;
  const parts = `${models}, ${bytes(checkpointBytes)} of checkpoints and ${bytes(replayBytes)} of replay`;
  const total = modelBytes + checkpointBytes + replayBytes;
  const enough = total < machine.freeDiskBytes ? "" : ": NOT ENOUGH";
  return `${bytes(total)}: ${parts}; ${bytes(machine.freeDiskBytes)} are free${enough}`;
}

/** Where the figures come from. */
function how(config: RunConfig, plan: Plan): string[] {
  const { probe, openMs, images, phases } = plan;
  const scaled = Object.entries(phases).filter(
    ([, { scale }]) => scale !== null && Math.abs(scale - 1) > 0.01,
  );
  const factors = scaled.map(([phase, { scale }]) => `${phase} by ${scale?.toFixed(2)}`).join(", ");
  const guesses = Object.entries(phases).flatMap(([phase, { guessed }]) => (guessed ? [phase] : []));
  const share = probe.admittedShare;
  return [
    "How these were got:",
    ...(probe.cutShort
      ? [
          `- time was up after ${duration(probe.tookMs)}: a rough estimate, of what was measured by then`,
          "  (--seconds gives it more)",
        ]
      : []),
    `- a probe played the beginning of the run at ${sizes(probe.scale)} with learning rates of 0, in ${duration(probe.tookMs)};`,
    `  the model was open after ${duration(openMs)}, the pool has ${plural(images, "image")}`,
    ...(guesses.length > 0
      ? [
          `- not reached, and guessed from short calls as if completions were as long as allowed: ${guesses.join(", ")}`,
        ]
      : []),
    "- time: the mean of a phase's steps after its first, times its steps, and once what the first took longer;",
    "  saving is not in it",
    ...(factors ? [`- steps that were measured at other sizes are scaled: ${factors}`] : []),
    ...(share === null
      ? []
      : [
          `- steps of the Reasoner: at most reasoner.stepsPerRound (${config.reasoner.stepsPerRound}), and`,
          `  reasoner.maxPasses over the ${percent(share)} of questions that the band would admit today`,
        ]),
    probe.scale === 1 || probe.scale > mostGrowth
      ? "- memory: what was resident at the probe's peak; larger steps, and other shapes, compiled later, add to it"
      : "- memory: what was resident at the probe's peak, and the same if all beyond the open model grew with the sizes",
    "- disk: the model's numbers in 32 bits, two models a round; in a checkpoint three times that with the optimisers,",
    "  and one is written beside those that are kept; the probe's events as JSON, as many as steps",
  ];
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)}%`;
}
