import type { RunEvent } from "../replay/events.ts";
import type { Progress } from "./progress.ts";

/** What is written to: a terminal, or a file or pipe. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const liveIntervalMs = 250;
const plainIntervalMs = 15_000;
const clearLine = "\r\u001b[2K";

/** Shows a run's progress: one live line in a terminal, otherwise a plain line now and then. */
export class ProgressView implements Disposable {
  readonly #progress: Progress;
  readonly #screen: Screen;
  readonly #timer: NodeJS.Timeout;

  constructor(progress: Progress, screen: Screen) {
    this.#progress = progress;
    this.#screen = screen;
    const intervalMs = screen.isTTY ? liveIntervalMs : plainIntervalMs;
    this.#timer = setInterval(() => this.#refresh(), intervalMs).unref();
  }

  next(event: RunEvent): void {
    const line = this.#progress.apply(event);
    if (line) this.say(line);
  }

  /** Writes a line that stays. */
  say(line: string): void {
    this.#screen.write(this.#screen.isTTY ? `${clearLine}${line}\n` : `${line}\n`);
    if (this.#screen.isTTY) this.#refresh();
  }

  #refresh(): void {
    const line = this.#progress.line(Date.now());
    if (!this.#screen.isTTY) this.#screen.write(`${line}\n`);
    else this.#screen.write(`${clearLine}${line.slice(0, (this.#screen.columns ?? 80) - 1)}`);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    if (this.#screen.isTTY) this.#screen.write(clearLine);
  }
}
