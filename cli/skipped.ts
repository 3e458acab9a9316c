import type { RunEvent } from "../replay/events.ts";
import { count } from "./format.ts";

/** Lines of a phase, at most. */
const MOST = 20;

/** Says once in a run why a picture, or what is asked about it, is left out; of many in a phase, how many more there were. */
export class Skipped {
  readonly #known = new Set<string>();
  /** Lines of the present phase, and what it was not said of. */
  #said = 0;
  #more = 0;

  /** Takes an event and gives the line to keep for it, if it deserves one. */
  apply(event: RunEvent): string | undefined {
    if (event.type === "phaseFinished") return this.#rest();
    if (event.type !== "rolloutFailed") return undefined;
    const line = `skipped ${event.image.name}: ${event.reason}`;
    if (this.#known.has(line)) return undefined;
    this.#known.add(line);
    if (this.#said === MOST) {
      this.#more++;
      return undefined;
    }
    this.#said++;
    return line;
  }

  #rest(): string | undefined {
    const line = this.#more > 0 ? `skipped: and ${count(this.#more)} more` : undefined;
    this.#said = 0;
    this.#more = 0;
    return line;
  }
}
