import type { RunConfig } from "../arena/config/config.ts";
import { picturesLookedAt } from "../arena/config/evaluation.ts";
import type { PhaseEstimate } from "./estimate.ts";
import { duration, plural } from "./format.ts";
import { sizes } from "./probes.ts";
import type { Plan, StagePlan } from "./run_plan.ts";

/** What a phase is called in a plan of several stages. */
export function phaseName(stage: StagePlan, phase: string, all: readonly StagePlan[]): string {
  const { name, probe } = stage;
  const isSame = phase === "evaluation" && probe.phases.evaluation === all[0]?.probe.phases.evaluation;
  if (all.length === 1 || isSame) return phase;
  return phase === name.replace(/\d+$/, "") ? name : `${name} · ${phase}`;
}

/** Where the figures of a plan come from. */
export function sourcesText(config: RunConfig, { stages: all, images }: Plan): string[] {
  const isOfSeveral = all.length > 1;
  // Stages of self-play that are alike have one probe.
  const stages = all.filter(({ probe }, index) => all.findIndex((each) => each.probe === probe) === index);
  const phases = new Map(
    stages.flatMap((stage) =>
      Object.entries(stage.phases).map(([phase, each]) => [phaseName(stage, phase, all), each]),
    ),
  );
  const guesses = [...phases].flatMap(([name, { guessed }]) => (guessed ? [name] : []));
  const scaled = [...phases].flatMap(([name, { scale }]) =>
    scale !== null && Math.abs(scale - 1) > 0.01 ? [`${name} by ${scale.toFixed(2)}`] : [],
  );
  return [
    "How these were got:",
    ...stages.flatMap((stage) => probeLines(stage, isOfSeveral ? stage.name : "the run", images)),
    ...(isOfSeveral
      ? ["- each with the run's own model, which those of the earlier stages will have taught by then"]
      : []),
    ...(guesses.length > 0
      ? [
          `- not reached, and guessed from short calls as if completions were as long as allowed: ${guesses.join(", ")}`,
        ]
      : []),
    ...[...phases].flatMap(([name, each]) => lookingLines(name, each, config)),
    "- time: the mean of a phase's steps after its first, times its steps, and once what the first took longer;",
    "  saving is not in it",
    ...(scaled.length > 0
      ? [`- steps that were measured at other sizes are scaled: ${scaled.join(", ")}`]
      : []),
    ...stages.flatMap((stage) => [...trajectoryLines(stage), ...admittedLines(stage, config)]),
    stages.every(({ memory: { least, most } }) => most === least)
      ? "- memory: what was resident at the probe's peak; larger steps, and other shapes, compiled later, add to it"
      : "- memory: what was resident at the probe's peak, and the same if all beyond the open model grew with the sizes",
    "- disk: the model's numbers in 32 bits, a model of each policy after each round; in a checkpoint three times that",
    "  with the optimisers, and one is written beside those that are kept; the probe's events as JSON, as many as steps",
  ];
}

function probeLines({ probe, openMs, rows }: StagePlan, what: string, images: number): string[] {
  const supply =
    rows === null ? `the pool has ${plural(images, "image")}` : `it has ${plural(rows.count, rows.unit)}`;
  return [
    ...(probe.cutShort
      ? [
          `- time was up after ${duration(probe.tookMs)}: a rough estimate, of what was measured by then`,
          "  (--seconds gives it more)",
        ]
      : []),
    `- a probe played the beginning of ${what} at ${sizes(probe.scale)} with learning rates of 0, in ${duration(probe.tookMs)};`,
    `  the model was open after ${duration(openMs)}, ${supply}`,
  ];
}

/** What an evaluation takes beside its steps. */
function lookingLines(name: string, { looking }: PhaseEstimate, { evaluation }: RunConfig): string[] {
  if (!looking) return [];
  const { madeUpMs, encoderMs } = looking;
  const took = (ms: number | null) => (ms === null ? "an unknown time" : duration(ms));
  const parts = [
    ...(madeUpMs === 0
      ? []
      : [
          `${took(madeUpMs)} for what is made up in ${plural(picturesLookedAt(evaluation), "picture")} (POPE, CHAIR)`,
        ]),
    ...(encoderMs === 0
      ? []
      : [
          `${took(encoderMs)} for the encoder's ${plural(evaluation.encoder.pictures, "picture")}, by short calls`,
        ]),
  ];
  return parts.length === 0 ? [] : [`- ${name}: beside its steps ${parts.join(" and ")}`];
}

/** What a trajectory was like, on which its time depends. */
function trajectoryLines({ name, probe: { trajectories } }: StagePlan): string[] {
  if (!trajectories) return [];
  const { meanTurns, meanCalls } = trajectories;
  const calls = meanCalls > 0 ? ` and ${meanCalls.toFixed(1)} calls of tools` : "";
  return [
    `- ${name}: a trajectory had ${meanTurns.toFixed(1)} turns${calls}; where the model learns to take more of them, a step takes longer`,
  ];
}

function admittedLines(
  { name, probe: { admittedShare } }: StagePlan,
  { reasoner, stages }: RunConfig,
): string[] {
  if (admittedShare === null) return [];
  return [
    `- ${stages.length > 1 ? `${name}: ` : ""}steps of the Reasoner: at most reasoner.stepsPerRound (${reasoner.stepsPerRound}), and`,
    `  reasoner.maxPasses over the ${(100 * admittedShare).toFixed(0)}% of questions that the band would admit today`,
  ];
}
