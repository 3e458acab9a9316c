import { isFaultOfPrompt } from "../common/errors.ts";
import type { ImageFile } from "../images/source.ts";
import type { Completion } from "../policy/port.ts";
import type { ImageRef, RolloutFailed, Timings } from "../replay/events.ts";
import type { Phase } from "../replay/stages.ts";
import { isolateFailures } from "./isolate_failures.ts";
import type { Run } from "./run.ts";

/** Which phase of a run, and in how many steps. */
export interface PhasePlace {
  readonly round: number;
  readonly phase: Phase;
  readonly steps: number;
}

/** Where a step stands in its run. */
export interface Place extends PhasePlace {
  readonly step: number;
}

/** What a call is for; `part` tells calls of one purpose in a step apart. */
export interface Purpose {
  readonly purpose: string;
  readonly part?: number;
}

/** A call that samples. */
interface SamplingCall extends Purpose {
  readonly during: RolloutFailed["during"];
}

/** One step of a phase: what its stages share while it lasts. */
export class Step {
  readonly run: Run;
  readonly place: Place;
  /** What had to be left out so far. */
  readonly failures: RolloutFailed[] = [];
  /** Images that were decoded for it and that the log may not hold yet, as they were then; they live as long as the step. */
  readonly images: ImageFile[] = [];
  readonly #timingsMs: Record<string, number> = {};
  #startedMs = 0;
  #sampledTokens = 0;

  constructor(run: Run, place: Place) {
    this.run = run;
    this.place = place;
  }

  /** For people. */
  get name(): string {
    const { round, phase, step, steps } = this.place;
    return `round ${round}, ${phase} phase, step ${step + 1} of ${steps}`;
  }

  seed(purpose: string, part: number): number {
    const { phase, round, step } = this.place;
    return this.run.seed(`${phase}.${purpose}`, round, step, part);
  }

  /** Starts the clock of `measurements`. */
  begin(): void {
    this.#startedMs = this.run.ports.clock.now();
  }

  measurements(): { durationMs: number; timingsMs: Timings; sampledTokens: number; failed: number } {
    return {
      durationMs: this.run.ports.clock.now() - this.#startedMs,
      timingsMs: this.#timingsMs,
      sampledTokens: this.#sampledTokens,
      failed: this.failures.length,
    };
  }

  /** Work whose duration is noted under a name. */
  async time<T>(name: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { clock } = this.run.ports;
    const startedMs = clock.now();
    const result = await work(this.run.signal);
    this.#timingsMs[name] = (this.#timingsMs[name] ?? 0) + clock.now() - startedMs;
    return result;
  }

  /** Samples about every item in one call; an item for which that fails is noted and gives null. */
  sample<I extends { readonly ref: ImageRef }, O>(
    { during, purpose, part = 0 }: SamplingCall,
    items: readonly I[],
    call: (items: readonly I[], seed: number, signal: AbortSignal) => Promise<readonly O[]>,
  ): Promise<(O | null)[]> {
    return this.time(purpose, (signal) =>
      isolateFailures(
        items,
        this.seed(purpose, part),
        (some, seed) => call(some, seed, signal),
        (item, error) => this.fail(during, item.ref, error),
      ),
    );
  }

  /** Counts the tokens of completions for `measurements`. */
  count(sampled: readonly { readonly completion: Completion }[]): void {
    for (const { completion } of sampled) this.#sampledTokens += completion.tokens.length;
  }

  /** Keeps the file of an image that was decoded until the step is recorded. */
  keep(image: ImageFile): void {
    if (!this.run.holds(image)) this.images.push(image);
  }

  /** Notes a failed rollout; throws what concerns more than this one image. */
  fail(during: RolloutFailed["during"], image: ImageRef, error: unknown): void {
    if (!isFaultOfPrompt(error)) throw error;
    const { round, phase, step } = this.place;
    this.failures.push({ type: "rolloutFailed", round, phase, step, during, image, reason: error.message });
  }
}
