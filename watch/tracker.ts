import type { RunConfig } from "../arena/config/config.ts";
import { allRounds } from "../arena/config/stages.ts";
import type { RunEvent } from "../replay/events.ts";
import { countFaults } from "../replay/turns.ts";
import { Eta } from "./eta.ts";
import type { PhaseOfRound } from "./planned_phases.ts";

/** Where a run stands in a phase; null for what is not known, or not yet. */
export interface Standing {
  readonly round: number;
  readonly rounds: number;
  readonly phase: string;
  /** Steps of the phase that are done, and planned. */
  readonly step: number;
  readonly steps: number;
  /** Milliseconds until the run ends, as far as can be told. */
  readonly remainingMs: number | null;
  readonly tokensPerSecond: number | null;
  readonly reward: number | null;
  readonly confidence: number | null;
  /** Null where nothing is acted in. */
  readonly trajectories: StandingTrajectories | null;
  /** Where answers went wrong in the last step that was looked at, shares by cause; null where nobody looks. */
  readonly causes: Readonly<Record<string, number | null>> | null;
}

/** How trajectories go: those of the last step, and how many of the phase's were spoiled by faults. */
export interface StandingTrajectories {
  /** Mean over them. */
  readonly turns: number;
  /** Share of them that had all the turns that they may have and were not over. */
  readonly unfinished: number;
  readonly faults: number;
}

interface PhaseState {
  readonly round: number;
  readonly phase: string;
  readonly startedAtMs: number;
  lastAtMs: number;
  step: number;
  steps: number;
  tokens: number;
  reward: number | null;
  confidence: number | null;
  trajectories: StandingTrajectories | null;
  causes: Standing["causes"];
}

/** Follows a run by its events. */
export class Tracker {
  readonly #rounds: number;
  readonly #eta: Eta;
  #state: PhaseState | undefined;

  constructor(config: RunConfig) {
    this.#rounds = allRounds(config);
    this.#eta = new Eta(config);
  }

  apply(event: RunEvent): void {
    if (event.type === "phaseStarted") this.#begin(event, event.atMs, 0, event.steps);
    if (isProgress(event)) {
      const { done, steps } = progressOf(event);
      // A run that was resumed may go on in the middle of a phase.
      if (!this.#isIn(event)) this.#begin(event, event.atMs, done, steps);
      this.#advance(this.#state as PhaseState, event);
    }
    const state = this.#state;
    if (state) this.#eta.apply(event, state.steps > 0 ? state.step / state.steps : 0);
  }

  /** Where the run stands at a moment of the clock that its events are stamped by; null before its first phase. */
  standing(nowMs: number): Standing | null {
    const state = this.#state;
    if (!state) return null;
    const { round, phase, step, steps, reward, confidence, trajectories, causes } = state;
    return {
      round,
      rounds: this.#rounds,
      phase,
      step,
      steps,
      remainingMs: this.#eta.remainingMs(nowMs) ?? null,
      tokensPerSecond: tokensPerSecond(state),
      reward,
      confidence,
      trajectories,
      causes,
    };
  }

  #isIn({ round, phase }: PhaseOfRound): boolean {
    return this.#state?.round === round && this.#state.phase === phase;
  }

  #begin({ round, phase }: PhaseOfRound, atMs: number, step: number, steps: number): void {
    const unknown = { reward: null, confidence: null, trajectories: null, causes: null };
    this.#state = { round, phase, startedAtMs: atMs, lastAtMs: atMs, step, steps, tokens: 0, ...unknown };
    this.#eta.begin({ round, phase }, atMs, steps > 0 ? step / steps : 0);
  }

  #advance(state: PhaseState, event: ProgressEvent): void {
    const { done, steps } = progressOf(event);
    state.step = done;
    state.steps = steps;
    if (event.type === "evaluationProgress") return;
    // What was sampled before its first moment here says nothing about its speed.
    if (event.atMs > state.startedAtMs) state.tokens += event.sampledTokens;
    state.lastAtMs = event.atMs;
    if ("meanReward" in event) state.reward = event.meanReward;
    if ("trajectories" in event && event.trajectories) {
      const { meanTurns: turns, unfinished, faults } = event.trajectories;
      const before = state.trajectories?.faults ?? 0;
      state.trajectories = { turns, unfinished, faults: before + countFaults(faults) };
    }
    if ("attribution" in event && event.attribution) state.causes = event.attribution.causes;
    if ("meanConfidence" in event) state.confidence = event.meanConfidence;
  }
}

type ProgressEvent = Extract<
  RunEvent,
  {
    type:
      | "questionerStep"
      | "curriculumStep"
      | "reasonerStep"
      | "warmUpStep"
      | "supervisedStep"
      | "evaluationProgress";
  }
>;

function isProgress(event: RunEvent): event is ProgressEvent {
  return event.type === "evaluationProgress" || /Step$/.test(event.type);
}

/** Steps done and planned of a phase. */
function progressOf(event: ProgressEvent): { readonly done: number; readonly steps: number } {
  if (event.type === "evaluationProgress") return { done: event.done, steps: event.total };
  return { done: event.step + 1, steps: event.steps };
}

function tokensPerSecond({ tokens, startedAtMs, lastAtMs }: PhaseState): number | null {
  const seconds = (lastAtMs - startedAtMs) / 1000;
  return tokens > 0 && seconds > 0 ? tokens / seconds : null;
}
