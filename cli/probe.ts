import { takeWhile } from "rxjs";
import { admit } from "../arena/admission.ts";
import { play } from "../arena/arena.ts";
import type { RunConfig } from "../arena/config/config.ts";
import type { Evaluator, Ports } from "../arena/ports.ts";
import { VisplayError } from "../common/errors.ts";
import { itemsIn } from "../replay/curriculum_items.ts";
import type { CurriculumItem, CurriculumQuestion, RunEvent } from "../replay/events.ts";
import type { SelfPlayPhase } from "../replay/stages.ts";
import type { PhaseOfRound } from "../watch/planned_phases.ts";
import { drive } from "./interrupt.ts";
import type { Pace } from "./pace.ts";
import { unitsPerStep } from "./phase_work.ts";

/** What a probe found out about one phase. */
export interface PhaseProbe {
  /** Images, items or questions in a step that was measured, mean. */
  readonly unitsPerStep: number;
  /** Until the first step was done: what is prepared only once is in it. */
  readonly firstMs: number;
  /** From one step to the next after that, mean. */
  readonly stepMs: number;
  /** Of a step's events as JSON, mean. */
  readonly replayBytes: number;
}

/** What a probe found out. */
export interface Probe {
  /** Phases that were reached. */
  readonly phases: Readonly<Partial<Record<SelfPlayPhase, PhaseProbe>>>;
  /** Questions that the configuration would admit, among those asked; null where none was asked. */
  readonly admittedShare: number | null;
  /** Of short calls, by which phases that were not reached are guessed; null where not even those ended in time. */
  readonly pace?: Pace | null;
}

/** How much of a run a probe plays, and until when. */
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
  readonly follow: (place: PhaseOfRound & { readonly step: number; readonly steps: number }) => void;
}

/** What a probe needs of a run; the evaluator comes by its configuration. */
export interface ProbePorts
  extends Omit<
    Ports,
    "open" | "labelled" | "environments" | "encode" | "log" | "folder" | "evaluate" | "stop" | "checkpoints"
  > {
  evaluator(config: RunConfig): Evaluator | null;
}

/**
 * Plays the beginning of a run, with sizes divided by a scale, and measures it: one evaluation and one round of a few
 * steps in each phase. Learning rates are 0, and nothing is written.
 */
export async function probe(
  config: RunConfig,
  { evaluator, ...ports }: ProbePorts,
  { scale, steps, signal, until, follow }: ProbeOptions,
): Promise<Probe> {
  const gauge = new Gauge(config, follow);
  const short = probeConfig(config, scale, steps);
  const items: CurriculumItem[] = [];
  const run = play(short, {
    ...ports,
    open: async () => ports,
    labelled: [],
    environments: [],
    encode: () => new Int32Array(),
    evaluate: evaluator(short),
    audited: [],
    folder: "nothing is saved",
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
  const beginning = run.pipe(takeWhile((event) => !isLast(event), true));
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

function isLast(event: RunEvent): boolean {
  return event.type === "curriculumEmpty" || (event.type === "phaseFinished" && event.phase === "reasoner");
}

/** The configuration with few and maybe smaller steps, that learns nothing and admits everything. */
function probeConfig(config: RunConfig, scale: number, steps: number): RunConfig {
  const { questioner, curriculum, reasoner, evaluation } = config;
  const units = unitsPerStep(config, scale);
  return {
    ...config,
    rounds: 1,
    stages: [{ kind: "self_play", rounds: 1, requires: {} }],
    trial: { ...config.trial, images: 0 },
    warmUp: {
      ...config.warmUp,
      learningRate: 0,
      steps: Math.min(config.warmUp.steps ?? 0, steps),
      imagesPerStep: units.warmUp,
    },
    questioner: {
      ...questioner,
      learningRate: 0,
      stepsPerRound: steps,
      imagesPerStep: units.questioner,
    },
    curriculum: {
      ...curriculum,
      images: steps * units.curriculum,
      imagesPerChunk: units.curriculum,
      band: { low: 0, high: 1 },
      keepUnanswerable: true,
      gate: {
        ...curriculum.gate,
        minParsedShare: 0,
        minVotes: 1,
        maxAbstentionShare: 1,
        maxBlindAgreement: 1,
      },
    },
    reasoner: {
      ...reasoner,
      learningRate: 0,
      stepsPerRound: steps,
      maxPasses: Number.MAX_SAFE_INTEGER,
      itemsPerStep: units.reasoner,
      itemsPerChunk: Math.max(1, Math.round(reasoner.itemsPerChunk / scale)),
    },
    evaluation: {
      ...evaluation,
      questions: Math.min(evaluation.questions, steps * units.evaluation),
      questionsPerChunk: units.evaluation,
    },
    alarms: { ...config.alarms, stop: false },
  };
}

/** The moments at which a phase's steps were done, and what they were about. */
interface Laps {
  readonly steps: number;
  readonly startedAtMs: number;
  readonly doneAtMs: number[];
  units: number;
  bytes: number;
}

class Gauge {
  readonly #config: RunConfig;
  readonly #follow: ProbeOptions["follow"];
  readonly #laps = new Map<string, Laps>();
  #asked = 0;
  #admitted = 0;

  constructor(config: RunConfig, follow: ProbeOptions["follow"]) {
    this.#config = config;
    this.#follow = follow;
  }

  time(event: RunEvent): void {
    if (event.type === "phaseStarted") {
      const { phase, round, steps, atMs } = event;
      this.#laps.set(phase, { steps, startedAtMs: atMs, doneAtMs: [], units: 0, bytes: 0 });
      this.#follow({ phase, round, steps, step: 0 });
    }
    const laps = "phase" in event ? this.#laps.get(event.phase) : undefined;
    if (!laps) return;
    switch (event.type) {
      case "evaluationProgress":
        laps.units = event.done;
        break;
      case "curriculumEpisode":
        laps.units++;
        for (const question of event.questions) this.#judge(question);
        return;
      case "questionerStep":
      case "reasonerStep":
        laps.units += event.groups;
        break;
      case "warmUpStep":
        laps.units += event.images;
        break;
      case "curriculumStep":
        break;
      default:
        return;
    }
    laps.doneAtMs.push(event.atMs);
    const { phase, round } = event;
    this.#follow({ phase, round, steps: laps.steps, step: laps.doneAtMs.length });
  }

  /** Takes what a run would write, before it is emitted. */
  weigh(events: readonly RunEvent[]): void {
    for (const event of events) {
      const laps = "phase" in event ? this.#laps.get(event.phase) : undefined;
      if (laps) laps.bytes += Buffer.byteLength(JSON.stringify(event)) + 1;
    }
  }

  #judge({ question, verdict }: CurriculumQuestion): void {
    this.#asked++;
    if (question !== null && verdict && admit(verdict, this.#config.curriculum).rejection === null) {
      this.#admitted++;
    }
  }

  found(): Probe {
    const phases = [...this.#laps].flatMap(([phase, laps]) => {
      const measured = phaseProbe(laps);
      return measured ? [[phase, measured] as const] : [];
    });
    const admittedShare = this.#asked === 0 ? null : this.#admitted / this.#asked;
    return { phases: Object.fromEntries(phases), admittedShare };
  }
}

function phaseProbe({ startedAtMs, doneAtMs, units, bytes }: Laps): PhaseProbe | null {
  const [first] = doneAtMs;
  const last = doneAtMs.at(-1);
  if (first === undefined || last === undefined || units === 0) return null;
  const steps = doneAtMs.length;
  const firstMs = first - startedAtMs;
  return {
    unitsPerStep: units / steps,
    firstMs,
    stepMs: steps > 1 ? (last - first) / (steps - 1) : firstMs,
    replayBytes: bytes / steps,
  };
}
