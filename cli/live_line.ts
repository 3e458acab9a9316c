/** What is written to: a terminal, or a file or pipe. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const liveIntervalMs = 250;
const plainIntervalMs = 15_000;
const clearLine = "\r\u001b[2K";

/** Shows where a long job stands: one live line in a terminal, otherwise a plain line now and then. */
export class LiveLine implements Disposable {
  readonly #line: (nowMs: number) => string;
  readonly #screen: Screen;
  readonly #timer: NodeJS.Timeout;

  constructor(line: (nowMs: number) => string, screen: Screen) {
    this.#line = line;
    this.#screen = screen;
    this.#timer = setInterval(() => this.#refresh(), screen.isTTY ? liveIntervalMs : plainIntervalMs);
    this.#timer.unref();
  }

  /** Writes a line that stays. */
  say(line: string): void {
    this.#screen.write(this.#screen.isTTY ? `${clearLine}${line}\n` : `${line}\n`);
    if (this.#screen.isTTY) this.#refresh();
  }

  #refresh(): void {
    const line = this.#line(Date.now());
    if (!this.#screen.isTTY) this.#screen.write(`${line}\n`);
    else this.#screen.write(`${clearLine}${line.slice(0, (this.#screen.columns || 80) - 1)}`);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    if (this.#screen.isTTY) this.#screen.write(clearLine);
  }
}
