import type { CallOptions, SimulatorProcess } from "./simulator_process.ts";

/** Places of which is remembered who stands there. */
const remembered = 1024;

/** A process, and the calls that wait for it, one after the other. */
interface Slot {
  process: SimulatorProcess | null;
  calls: number;
  last: Promise<unknown>;
}

/** Simulators in processes, each with one call at a time; one that has ended is started anew by the next call. */
export class SimulatorPool implements AsyncDisposable {
  readonly #start: () => Promise<SimulatorProcess>;
  readonly #slots: readonly Slot[];
  /** Who stands at a place, by its name; the oldest first. */
  readonly #places = new Map<string, Slot>();
  #isClosed = false;

  /** Takes over one that has started; there are as many as `processes` says. */
  constructor(processes: number, first: SimulatorProcess, start: () => Promise<SimulatorProcess>) {
    this.#start = start;
    this.#slots = Array.from({ length: processes }, (_, i) => ({
      process: i === 0 ? first : null,
      calls: 0,
      last: Promise.resolve(),
    }));
  }

  /**
   * Calls the one that stands at `from`, which then stands at `to`; where none does, or it has left for another call, the one
   * that has least to do. Rejects as `SimulatorProcess.call`.
   */
  async call(method: string, args: object, from: string, to: string, options: CallOptions): Promise<unknown> {
    const slot = this.#places.get(from) ?? this.#idlest();
    this.#places.delete(from);
    slot.calls++;
    const called = slot.last.then(async () => {
      const process = await this.#processOf(slot);
      const given = await process.call(method, args, options);
      this.#remember(to, slot);
      return given;
    });
    slot.last = called.catch(() => {});
    try {
      return await called;
    } finally {
      slot.calls--;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    for (const { process } of this.#slots) process?.[Symbol.dispose]();
    await Promise.all(this.#slots.map(({ last }) => last));
  }

  async #processOf(slot: Slot): Promise<SimulatorProcess> {
    if (slot.process?.isAlive) return slot.process;
    if (this.#isClosed) throw new Error("the simulators were closed");
    for (const [place, own] of this.#places) if (own === slot) this.#places.delete(place);
    slot.process = await this.#start();
    if (this.#isClosed) slot.process[Symbol.dispose]();
    return slot.process;
  }

  #idlest(): Slot {
    return this.#slots.reduce((least, slot) => (slot.calls < least.calls ? slot : least));
  }

  #remember(place: string, slot: Slot): void {
    this.#places.delete(place);
    this.#places.set(place, slot);
    const [oldest] = this.#places.keys();
    if (this.#places.size > remembered && oldest !== undefined) this.#places.delete(oldest);
  }
}
