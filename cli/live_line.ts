import stringWidth from "string-width";
import wrapAnsi from "wrap-ansi";
import { steadyClock } from "../common/clock.ts";
import { news, type Screen, screenText } from "./terminal.ts";

const liveIntervalMs = 250;
const plainIntervalMs = 30_000;
const separator = " · ";
const clearLine = "\r\u001b[2K";

/** Shows where a long job stands: one live line in a terminal, otherwise a plain line now and then. */
export class LiveLine implements Disposable {
  readonly #line: (nowMs: number) => string;
  readonly #screen: Screen;
  /** Whether the screen can take back what it shows. */
  readonly #live: boolean;
  readonly #timer: NodeJS.Timeout;
  #gone = false;

  /** Calls `line` with moments of the steady clock. */
  constructor(
    line: (nowMs: number) => string,
    screen: Screen = news,
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
    const text = screenText(line);
    this.#screen.write(this.#live ? `${clearLine}${wrap(text, this.#columns)}\n` : `${text}\n`);
    if (this.#live) this.#refresh();
  }

  get #columns(): number {
    return this.#screen.columns || 80;
  }

  #refresh(): void {
    const line = screenText(this.#line(steadyClock.now()));
    if (!this.#live) this.#screen.write(`${line}\n`);
    else this.#screen.write(`${clearLine}${cutTo(line, this.#columns - 1)}`);
  }

  /** Takes the live line back; further calls do nothing, as the screen may show something else by then. */
  [Symbol.dispose](): void {
    if (this.#gone) return;
    this.#gone = true;
    clearInterval(this.#timer);
    if (this.#live) this.#screen.write(clearLine);
  }
}

/** A line with as many of its figures as the width has room for, none of them cut. */
function cutTo(line: string, width: number): string {
  const parts = line.split(separator);
  while (parts.length > 1 && stringWidth(parts.join(separator)) > width) parts.pop();
  return wrapAnsi(parts.join(separator), width, { hard: true }).split("\n", 1)[0] as string;
}

/** Lines that break between words; what goes on in the next one is indented. */
function wrap(text: string, columns: number): string {
  const indent = "  ";
  const paragraph = (line: string) =>
    stringWidth(line) <= columns
      ? line
      : wrapAnsi(line, columns - indent.length).replaceAll("\n", `\n${indent}`);
  return text.split("\n").map(paragraph).join("\n");
}
