import { steadyClock } from "../common/clock.ts";

/** What is written to: a terminal, or a file or pipe. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const liveIntervalMs = 250;
const plainIntervalMs = 30_000;
const clearLine = "\r\u001b[2K";

/** Shows where a long job stands: one live line in a terminal, otherwise a plain line now and then. */
export class LiveLine implements Disposable {
  readonly #line: (nowMs: number) => string;
  readonly #screen: Screen;
  /** Whether the screen can take back what it shows. */
  readonly #live: boolean;
  readonly #timer: NodeJS.Timeout;

  /** Calls `line` with moments of the steady clock. */
  constructor(
    line: (nowMs: number) => string,
    screen: Screen,
    terminal: string | undefined = process.env.TERM,
  ) {
    this.#line = line;
    this.#screen = screen;
    this.#live = screen.isTTY === true && terminal !== "dumb";
    this.#timer = setInterval(() => this.#refresh(), this.#live ? liveIntervalMs : plainIntervalMs);
    this.#timer.unref();
  }

  /** Writes a line that stays. */
  say(line: string): void {
    this.#screen.write(this.#live ? `${clearLine}${line}\n` : `${line}\n`);
    if (this.#live) this.#refresh();
  }

  #refresh(): void {
    const line = this.#line(steadyClock.now());
    if (!this.#live) this.#screen.write(`${line}\n`);
    else this.#screen.write(`${clearLine}${line.slice(0, (this.#screen.columns || 80) - 1)}`);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    if (this.#live) this.#screen.write(clearLine);
  }
}
