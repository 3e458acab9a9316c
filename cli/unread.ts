import type { RunEvent } from "../replay/events.ts";

/** Characters of a completion that are shown. */
const SHOWN = 200;

/**
 * Says once in a run, after the first of the Questioner's steps in which no question parsed, that it is so, and shows
 * what was written instead: such a step teaches nothing, and more of them will not either.
 */
export class UnreadQuestions {
  #written: string | null = null;
  #said = false;

  /** Takes an event and gives the line to keep for it, if it deserves one. */
  apply(event: RunEvent): string | undefined {
    if (this.#said) return undefined;
    if (event.type === "questionerEpisode") this.#written ??= event.rollouts[0]?.completion.text ?? null;
    if (event.type !== "questionerStep") return undefined;
    const written = this.#written;
    this.#written = null;
    if (event.health.malformedQuestions !== 1 || written === null) return undefined;
    this.#said = true;
    const start = written.length > SHOWN ? `${written.slice(0, SHOWN)}…` : written;
    return `round ${event.round}, step ${event.step + 1}: no question parsed, so that nothing was learnt; set format or prompts.questioner, or warmUp.steps. The Questioner wrote: ${JSON.stringify(start)}`;
  }
}
