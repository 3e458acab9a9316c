import type { RunConfig } from "../arena/config.ts";
import type { Phase, RunEvent } from "../replay/events.ts";
import { Eta } from "./eta.ts";
import { count, duration } from "./format.ts";
import { notice } from "./notice.ts";

interface PhaseState {
  readonly round: number;
  readonly phase: Phase;
  readonly startedAtMs: number;
  lastAtMs: number;
  done: number;
  steps: number;
  tokens: number;
  reward?: number;
  confidence?: number;
}

/** Where a run stands, from its events. */
export class Progress {
  readonly #rounds: number;
  readonly #eta: Eta;
  #state: PhaseState | undefined;

  constructor(config: RunConfig) {
    this.#rounds = config.rounds;
    this.#eta = new Eta(config);
  }

  /** Takes an event and gives the line to keep for it, if it deserves one. */
  apply(event: RunEvent): string | undefined {
    const state = this.#advance(event);
    this.#eta.apply(event, state && state.steps > 0 ? state.done / state.steps : 0);
    if (event.type !== "phaseFinished" || !state) return notice(event);
    return [...this.#place(state), `took ${duration(event.durationMs)}`, ...figures(state)].join(" · ");
  }

  /** Phase, step, time left, tokens per second, reward and confidence, in one line. */
  line(nowMs: number): string {
    const state = this.#state;
    if (!state) return "starting";
    const left = this.#eta.remainingMs(nowMs);
    const step = state.steps > 1 ? [`step ${state.done}/${state.steps}`] : [];
    const eta = left === undefined ? "ETA …" : `ETA ${duration(left)}`;
    return [...this.#place(state), ...step, eta, ...figures(state)].join(" · ");
  }

  #place({ round, phase }: PhaseState): string[] {
    return [round === 0 ? "base" : `round ${round}/${this.#rounds}`, phase];
  }

  #advance(event: RunEvent): PhaseState | undefined {
    if (event.type === "phaseStarted") {
      const { round, phase, atMs, steps } = event;
      this.#state = { round, phase, startedAtMs: atMs, lastAtMs: atMs, done: 0, steps, tokens: 0 };
    }
    const state = this.#state;
    if (!state) return undefined;
    switch (event.type) {
      case "evaluationProgress":
        state.done = event.done;
        state.steps = event.total;
        break;
      case "questionerStep":
      case "curriculumStep":
      case "reasonerStep":
        state.done = event.step + 1;
        state.steps = event.steps;
        state.lastAtMs = event.atMs;
        state.tokens += event.sampledTokens;
        if ("meanReward" in event) state.reward = event.meanReward;
        if ("meanConfidence" in event) state.confidence = event.meanConfidence;
    }
    return state;
  }
}

function figures({ tokens, startedAtMs, lastAtMs, reward, confidence }: PhaseState): string[] {
  const seconds = (lastAtMs - startedAtMs) / 1000;
  const figure = (name: string, value: number | undefined) =>
    value === undefined || Number.isNaN(value) ? [] : [`${name} ${value.toFixed(2)}`];
  return [
    ...(tokens > 0 && seconds > 0 ? [`${count(tokens / seconds)} tokens/s`] : []),
    ...figure("reward", reward),
    ...figure("confidence", confidence),
  ];
}
