import { VisplayError } from "../common/errors.ts";
import { tolerant } from "../replay/damage.ts";
import type { DamageFound } from "./answers.ts";

/** What of a run could not be read so far. */
export class Damage {
  readonly #events = new Set<number>();
  readonly #episodes = new Set<number>();
  readonly #reasons = new Set<string>();

  get found(): DamageFound {
    return { events: [...this.#events], episodes: [...this.#episodes], reasons: [...this.#reasons] };
  }

  event(id: number, reason: string): void {
    this.#events.add(id);
    if (this.#events.size === 1) this.#reasons.add(reason);
  }

  episode(id: number): void {
    this.#episodes.add(id);
  }

  /** What `read` gives; undefined where it meets damage, which is kept. */
  unless<T>(read: () => T): T | undefined {
    const found = tolerant(read);
    if (!(found instanceof VisplayError)) return found;
    if (found.code !== "damaged") throw found;
    this.#reasons.add(found.message);
    return undefined;
  }
}
