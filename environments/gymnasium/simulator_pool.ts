import type { CallOptions, SimulatorProcess } from "./simulator_process.ts";

/** Rows of actions of which is remembered which process stands there. */
const remembered = 64;

/** Simulators in processes, each with one call at a time; one that has ended is started anew by the next call. */
export class SimulatorPool implements AsyncDisposable {
  readonly #start: () => Promise<SimulatorProcess>;
  readonly #idle: (SimulatorProcess | null)[];
  readonly #all = new Set<SimulatorProcess>();
  readonly #waiting: (() => void)[] = [];
  /** Who stands at a place, by its name; the oldest first. */
  readonly #places = new Map<string, SimulatorProcess>();

  /** Takes over one that has started; there are as many as `processes` says. */
  constructor(processes: number, first: SimulatorProcess, start: () => Promise<SimulatorProcess>) {
    this.#start = start;
    this.#idle = [first, ...new Array<null>(processes - 1).fill(null)];
    this.#all.add(first);
  }

  /** Calls one that stands at `from`, if such a one is free, which then stands at `to`. Rejects as `SimulatorProcess.call`. */
  async call(method: string, args: object, from: string, to: string, options: CallOptions): Promise<unknown> {
    while (this.#idle.length === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    let simulator = this.#take(from);
    try {
      if (!simulator?.isAlive) {
        simulator = await this.#start();
        this.#all.add(simulator);
      }
      const given = await simulator.call(method, args, options);
      this.#remember(to, simulator);
      return given;
    } finally {
      if (simulator && !simulator.isAlive) this.#all.delete(simulator);
      this.#idle.push(simulator?.isAlive ? simulator : null);
      this.#waiting.shift()?.();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const simulator of this.#all) simulator[Symbol.dispose]();
  }

  #take(from: string): SimulatorProcess | null {
    const there = this.#idle.findIndex((each) => each !== null && each === this.#places.get(from));
    const [taken = null] = this.#idle.splice(Math.max(0, there), 1);
    return taken;
  }

  #remember(place: string, simulator: SimulatorProcess): void {
    this.#places.delete(place);
    this.#places.set(place, simulator);
    const [oldest] = this.#places.keys();
    if (this.#places.size > remembered && oldest !== undefined) this.#places.delete(oldest);
  }
}
