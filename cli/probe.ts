import { takeWhile } from "rxjs";
import { play } from "../arena/arena.ts";
import type { RunConfig } from "../arena/config/config.ts";
import { picturesLookedAt } from "../arena/config/evaluation.ts";
import { heldOutRows, type StageConfig } from "../arena/config/stages.ts";
import type { Evaluator, Ports } from "../arena/ports.ts";
import { VisplayError } from "../common/errors.ts";
import { itemsIn } from "../replay/curriculum_items.ts";
import type { CurriculumItem, RunEvent } from "../replay/events.ts";
import type { Phase } from "../replay/stages.ts";
import { Gauge, type Measured, type ProbePlace } from "./gauge.ts";
import { drive } from "./interrupt.ts";
import { type OneStage, unitsPerStep } from "./phase_work.ts";
import { probeConfig } from "./probe_config.ts";

/** How much of a stage a probe plays, and until when. */
export interface ProbeOptions {
  /** What the sizes of a step are divided by; none becomes less than one. */
  readonly scale: number;
  /** Steps of each phase; the first shows what is prepared once. */
  readonly steps: number;
  /** Ends it with an error. */
  readonly signal: AbortSignal;
  /** Ends it with what it has found by then. */
  readonly until: AbortSignal;
  /** Told where it is, and when a step begins. */
  readonly follow: (place: ProbePlace) => void;
}

/** What a probe needs of a run of one stage; the evaluator comes by its configuration. */
export interface ProbePorts
  extends Omit<Ports, "open" | "log" | "folder" | "pinStart" | "evaluate" | "stop" | "checkpoints"> {
  evaluator(config: RunConfig): Evaluator | null;
}

/**
 * Plays the beginning of a stage, with sizes divided by a scale, and measures it: one evaluation and one round of a few
 * steps in each phase. Learning rates are 0, and nothing is written.
 */
export async function probe(
  config: OneStage,
  { evaluator, ...ports }: ProbePorts,
  { scale, steps, signal, until, follow }: ProbeOptions,
): Promise<Measured> {
  const short = probeConfig(config, scale, steps);
  const sizes = {
    perStep: unitsPerStep(short, 1),
    heldOut: rowsHeldOut(short, ports),
    lookedAt: picturesLookedAt(short.evaluation),
  };
  const gauge = new Gauge(config, sizes, follow);
  const items: CurriculumItem[] = [];
  const run = play(short, {
    ...ports,
    open: async () => ports,
    evaluate: evaluator(short),
    audited: [],
    folder: "nothing is saved",
    pinStart: async () => {},
    stop: AbortSignal.any([signal, until]),
    checkpoints: null,
    log: {
      position: 0,
      append: async (events) => {
        items.push(...events.flatMap((event) => (event.type === "curriculumEpisode" ? itemsIn(event) : [])));
        gauge.weigh(events);
      },
      admittedQuestions: async (images) => images.map(() => []),
      curriculum: async (_round, places) => places.map((place) => items[place] as CurriculumItem),
    },
  });
  // What comes behind is another evaluation and the saving of models.
  const last = lastPhase(config.stages[0]);
  const beginning = run.pipe(takeWhile((event) => !endsWith(event, last), true));
  await untilCut(
    drive(beginning, (event) => gauge.time(event)),
    { signal, until },
  );
  return gauge.found();
}

/** What a call comes to; null where it was cancelled since time is up. */
export async function untilCut<T>(
  call: Promise<T>,
  { signal, until }: Pick<ProbeOptions, "signal" | "until">,
): Promise<T | null> {
  try {
    return await call;
  } catch (error) {
    const cut = until.aborted && !signal.aborted;
    if (!cut || !(error instanceof VisplayError) || error.code !== "cancelled") throw error;
    return null;
  }
}

/** The last phase of a round that teaches. */
function lastPhase({ kind }: StageConfig): Phase {
  return kind === "self_play" ? "reasoner" : kind;
}

function endsWith(event: RunEvent, phase: Phase): boolean {
  return event.type === "curriculumEmpty" || (event.type === "phaseFinished" && event.phase === phase);
}

/** How many rows a stage holds out; 0 where it is no imitation of data. */
function rowsHeldOut({ stages: [stage] }: OneStage, { labelled }: Pick<Ports, "labelled">): number {
  const [data] = labelled;
  return stage.kind === "sft" && data ? heldOutRows(stage, data.items.length) : 0;
}
