import type { Phase, RunEvent } from "../replay/events.ts";
import { Eta } from "./eta.ts";
import type { RunPlan } from "./run_plan.ts";

/** Where a run stands in a phase; null for what is not known, or not yet. */
export interface Standing {
  readonly round: number;
  readonly rounds: number;
  readonly phase: Phase;
  /** Steps of the phase that are done, and planned. */
  readonly step: number;
  readonly steps: number;
  /** Milliseconds until the run ends, as far as can be told. */
  readonly remainingMs: number | null;
  readonly tokensPerSecond: number | null;
  readonly reward: number | null;
  readonly confidence: number | null;
}

interface PhaseState {
  readonly round: number;
  readonly phase: Phase;
  readonly startedAtMs: number;
  lastAtMs: number;
  step: number;
  steps: number;
  tokens: number;
  reward: number | null;
  confidence: number | null;
}

/** Follows a run by its events. */
export class Tracker {
  readonly #rounds: number;
  readonly #eta: Eta;
  #state: PhaseState | undefined;

  constructor(plan: RunPlan) {
    this.#rounds = plan.rounds;
    this.#eta = new Eta(plan);
  }

  apply(event: RunEvent): void {
    const state = this.#advance(event);
    this.#eta.apply(event, state && state.steps > 0 ? state.step / state.steps : 0);
  }

  /** Where the run stands at a moment of the clock that its events are stamped by; null before its first phase. */
  standing(nowMs: number): Standing | null {
    const state = this.#state;
    if (!state) return null;
    const { round, phase, step, steps, reward, confidence } = state;
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
    };
  }

  #advance(event: RunEvent): PhaseState | undefined {
    if (event.type === "phaseStarted") {
      const { round, phase, atMs, steps } = event;
      const unknown = { reward: null, confidence: null };
      this.#state = {
        round,
        phase,
        startedAtMs: atMs,
        lastAtMs: atMs,
        step: 0,
        steps,
        tokens: 0,
        ...unknown,
      };
    }
    const state = this.#state;
    if (!state) return undefined;
    switch (event.type) {
      case "evaluationProgress":
        state.step = event.done;
        state.steps = event.total;
        break;
      case "questionerStep":
      case "curriculumStep":
      case "reasonerStep":
        state.step = event.step + 1;
        state.steps = event.steps;
        state.lastAtMs = event.atMs;
        state.tokens += event.sampledTokens;
        if ("meanReward" in event) state.reward = event.meanReward;
        if ("meanConfidence" in event) state.confidence = event.meanConfidence;
    }
    return state;
  }
}

function tokensPerSecond({ tokens, startedAtMs, lastAtMs }: PhaseState): number | null {
  const seconds = (lastAtMs - startedAtMs) / 1000;
  return tokens > 0 && seconds > 0 ? tokens / seconds : null;
}
