import { takeWhile } from "rxjs";
import { admit } from "../arena/admission.ts";
import { play } from "../arena/arena.ts";
import type { RunConfig } from "../arena/config.ts";
import type { Evaluator, Ports } from "../arena/ports.ts";
import { itemsIn } from "../replay/curriculum_items.ts";
import type { CurriculumItem, CurriculumQuestion, Phase, RunEvent } from "../replay/events.ts";
import { drive } from "./interrupt.ts";

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
  readonly phases: Readonly<Partial<Record<Phase, PhaseProbe>>>;
  /** Questions that the configuration would admit, among those asked; null where none was asked. */
  readonly admittedShare: number | null;
}

/** Steps of each phase that a probe plays; the first shows what is prepared once. */
export const PROBE_STEPS = 3;

/** What a probe needs of a run; the evaluator comes by its configuration. */
export interface ProbePorts extends Omit<Ports, "log" | "folder" | "evaluate" | "stop" | "checkpoints"> {
  evaluator(config: RunConfig): Evaluator | null;
}

/**
 * Plays the beginning of a run, with sizes divided by `scale`, and measures it: one evaluation and one round of a few
 * steps in each phase. Learning rates are 0, and nothing is written.
 */
export async function probe(
  config: RunConfig,
  { evaluator, ...ports }: ProbePorts,
  scale: number,
  signal: AbortSignal,
): Promise<Probe> {
  const gauge = new Gauge(config);
  const short = probeConfig(config, scale);
  const items: CurriculumItem[] = [];
  const run = play(short, {
    ...ports,
    evaluate: evaluator(short),
    audited: [],
    folder: "nothing is saved",
    stop: signal,
    checkpoints: null,
    log: {
      position: 0,
      append: async (events) => {
        items.push(...events.flatMap((event) => (event.type === "curriculumEpisode" ? itemsIn(event) : [])));
        gauge.weigh(events);
      },
      curriculum: async (_round, places) => places.map((place) => items[place] as CurriculumItem),
    },
  });
  // What comes behind is another evaluation and the saving of models.
  await drive(run.pipe(takeWhile((event) => !isLast(event), true)), (event) => gauge.time(event));
  return gauge.found();
}

function isLast(event: RunEvent): boolean {
  return event.type === "curriculumEmpty" || (event.type === "phaseFinished" && event.phase === "reasoner");
}

/** The configuration with few and maybe smaller steps, that learns nothing and admits everything. */
function probeConfig(config: RunConfig, scale: number): RunConfig {
  const part = (size: number) => Math.max(1, Math.round(size / scale));
  const { questioner, curriculum, reasoner, evaluation } = config;
  const imagesPerChunk = part(curriculum.imagesPerChunk);
  const questionsPerChunk = part(evaluation.questionsPerChunk);
  return {
    ...config,
    rounds: 1,
    questioner: {
      ...questioner,
      learningRate: 0,
      stepsPerRound: PROBE_STEPS,
      imagesPerStep: part(questioner.imagesPerStep),
    },
    curriculum: {
      ...curriculum,
      images: PROBE_STEPS * imagesPerChunk,
      imagesPerChunk,
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
      stepsPerRound: PROBE_STEPS,
      maxPasses: Number.MAX_SAFE_INTEGER,
      itemsPerStep: part(reasoner.itemsPerStep),
      itemsPerChunk: part(reasoner.itemsPerChunk),
    },
    evaluation: {
      ...evaluation,
      questions: Math.min(evaluation.questions, PROBE_STEPS * questionsPerChunk),
      questionsPerChunk,
    },
    alarms: { ...config.alarms, stop: false },
  };
}

/** The moments at which a phase's steps were done, and what they were about. */
interface Laps {
  readonly startedAtMs: number;
  readonly doneAtMs: number[];
  units: number;
  bytes: number;
}

class Gauge {
  readonly #config: RunConfig;
  readonly #laps = new Map<Phase, Laps>();
  #asked = 0;
  #admitted = 0;

  constructor(config: RunConfig) {
    this.#config = config;
  }

  time(event: RunEvent): void {
    if (event.type === "phaseStarted") {
      this.#laps.set(event.phase, { startedAtMs: event.atMs, doneAtMs: [], units: 0, bytes: 0 });
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
      case "curriculumStep":
        break;
      default:
        return;
    }
    laps.doneAtMs.push(event.atMs);
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
