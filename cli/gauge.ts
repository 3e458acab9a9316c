import { admit } from "../arena/admission.ts";
import type { RunConfig } from "../arena/config/config.ts";
import { mean } from "../arena/statistics.ts";
import type { CurriculumQuestion, RunEvent, TrajectoryFigures } from "../replay/events.ts";
import type { PhaseOfRound } from "../watch/planned_phases.ts";
import type { ByPhase } from "./phase_work.ts";

/** What was measured of one phase. */
export interface PhaseProbe {
  /** Images, items, questions, rows or tasks in a step that was measured, mean. */
  readonly unitsPerStep: number;
  /** Until the first step was done: what is prepared only once is in it. */
  readonly firstMs: number;
  /** From one step to the next after that, mean. */
  readonly stepMs: number;
  /** What the loss of a row takes that is held out, which neither of these has in it; 0 where none is. */
  readonly heldOutRowMs: number;
  /** Of a step's events as JSON, mean. */
  readonly replayBytes: number;
  /** What each picture takes about which it is asked, after the steps of an evaluation, whether it makes things up. */
  readonly lookedAtMs?: number;
}

/** How trajectories went: means over the steps. */
export type ProbedTrajectories = Pick<TrajectoryFigures, "meanTurns" | "meanCalls">;

/** What was measured of a stage. */
export interface Measured {
  /** Phases that were reached. */
  readonly phases: ByPhase<PhaseProbe>;
  /** Questions that the configuration would admit, among those asked; null where none was asked. */
  readonly admittedShare: number | null;
  /** Null where there were no trajectories. */
  readonly trajectories: ProbedTrajectories | null;
}

/** Where a probe is. */
export type ProbePlace = PhaseOfRound & { readonly step: number; readonly steps: number };

/** What a gauge has to know of what it measures. */
interface Sizes {
  /** Units that a step of each phase has at most. */
  readonly perStep: ByPhase<number>;
  /** Rows whose loss every step measures. */
  readonly heldOut: number;
  /** Pictures that an evaluation looks at after its steps. */
  readonly lookedAt: number;
}

/** The moments at which a phase's steps were done, and what they were about. */
interface Laps {
  readonly steps: number;
  readonly startedAtMs: number;
  readonly doneAtMs: number[];
  /** What each step took for what is held out. */
  readonly heldOutMs: number[];
  units: number;
  bytes: number;
  reportedAtMs: number | null;
}

/** Measures phases by their events. */
export class Gauge {
  readonly #config: Pick<RunConfig, "curriculum">;
  readonly #sizes: Sizes;
  readonly #follow: (place: ProbePlace) => void;
  readonly #laps = new Map<string, Laps>();
  readonly #trajectories: TrajectoryFigures[] = [];
  #asked = 0;
  #admitted = 0;

  /** `follow` is told where it is, and when a step begins. */
  constructor(config: Pick<RunConfig, "curriculum">, sizes: Sizes, follow: (place: ProbePlace) => void) {
    this.#config = config;
    this.#sizes = sizes;
    this.#follow = follow;
  }

  /** Takes an event as it happens. */
  time(event: RunEvent): void {
    if (event.type === "phaseStarted") {
      const { phase, round, steps, atMs } = event;
      this.#laps.set(phase, {
        steps,
        startedAtMs: atMs,
        doneAtMs: [],
        heldOutMs: [],
        units: 0,
        bytes: 0,
        reportedAtMs: null,
      });
      this.#follow({ phase, round, steps, step: 0 });
    }
    const laps = "phase" in event ? this.#laps.get(event.phase) : undefined;
    if (!laps) return;
    switch (event.type) {
      case "evaluationProgress":
        laps.units = event.done;
        break;
      case "evaluated":
        laps.reportedAtMs = event.atMs;
        return;
      case "curriculumEpisode":
        laps.units++;
        for (const question of event.questions) this.#judge(question);
        return;
      case "questionerStep":
        laps.units += event.groups;
        break;
      case "reasonerStep":
        // Groups that others replaced are no units of their own.
        laps.units += Math.min(event.groups, this.#perStep(event.phase));
        if (event.trajectories) this.#trajectories.push(event.trajectories);
        break;
      case "supervisedStep":
        laps.units += new Set(event.examples.map(({ image }) => image.index)).size;
        laps.heldOutMs.push(event.heldOutLoss === null ? 0 : (event.timingsMs.score ?? 0));
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

  found(): Measured {
    const phases = [...this.#laps].flatMap(([phase, laps]) => {
      const measured = phaseProbe(laps, this.#sizes);
      return measured ? [[phase, measured] as const] : [];
    });
    const admittedShare = this.#asked === 0 ? null : this.#admitted / this.#asked;
    return { phases: Object.fromEntries(phases), admittedShare, trajectories: this.#meanTrajectories() };
  }

  #perStep(phase: string): number {
    return (this.#sizes.perStep as Readonly<Record<string, number>>)[phase] ?? Number.POSITIVE_INFINITY;
  }

  #judge({ question, verdict }: CurriculumQuestion): void {
    this.#asked++;
    if (question !== null && verdict && admit(verdict, this.#config.curriculum).rejection === null) {
      this.#admitted++;
    }
  }

  #meanTrajectories(): ProbedTrajectories | null {
    if (this.#trajectories.length === 0) return null;
    return {
      meanTurns: mean(this.#trajectories.map(({ meanTurns }) => meanTurns)),
      meanCalls: mean(this.#trajectories.map(({ meanCalls }) => meanCalls)),
    };
  }
}

function phaseProbe(
  { startedAtMs, doneAtMs, heldOutMs, units, bytes, reportedAtMs }: Laps,
  { heldOut, lookedAt }: Sizes,
): PhaseProbe | null {
  const [first] = doneAtMs;
  const last = doneAtMs.at(-1);
  if (first === undefined || last === undefined || units === 0) return null;
  const steps = doneAtMs.length;
  const scoringMs = mean(steps > 1 ? heldOutMs.slice(1) : heldOutMs);
  const firstMs = first - startedAtMs;
  const stepMs = steps > 1 ? (last - first) / (steps - 1) : firstMs;
  return {
    unitsPerStep: units / steps,
    firstMs: firstMs - scoringMs,
    stepMs: stepMs - scoringMs,
    heldOutRowMs: heldOut === 0 ? 0 : scoringMs / heldOut,
    replayBytes: bytes / steps,
    ...(reportedAtMs !== null && lookedAt > 0 && { lookedAtMs: (reportedAtMs - last) / lookedAt }),
  };
}
