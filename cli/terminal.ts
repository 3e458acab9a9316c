import { escapeControls } from "../common/printable.ts";

/** What is written to: a terminal, or a file or pipe. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

interface Outlet extends Screen {
  /** Whether somebody has read on. */
  send(text: string): Promise<boolean>;
}

/** Standard output, for what a command was asked for, and standard error, for what is said beside that. */
const results: Outlet = outlet(process.stdout);
export const news: Screen = outlet(process.stderr);

/** Prints what a command was asked for. */
export function print(text: string): void {
  results.write(`${screenText(text)}\n`);
}

/** Prints lines no faster than they are read, and takes no more of them once nobody reads any. */
export async function printLines(lines: Iterable<string>): Promise<void> {
  for (const line of lines) if (!(await results.send(`${screenText(line)}\n`))) return;
}

/** Prints what steers a terminal, as it is. */
export function draw(sequences: string): void {
  results.write(sequences);
}

/** Whether what is printed is seen by somebody at once. */
export function isTerminal(): boolean {
  return results.isTTY === true;
}

/** Cells in a printed line; what is no terminal is taken for one of 80. */
export function screenWidth(): number {
  return results.columns || 80;
}

/** Says what is going on, or wrong. */
export function say(text: string): void {
  news.write(`${screenText(text)}\n`);
}

/** Every line of a text as a terminal may be sent it. */
export function screenText(text: string): string {
  return text.split("\n").map(escapeControls).join("\n");
}

/** A stream for as long as somebody reads it: a reader that goes away (`| head -1`, a closed terminal) ends nothing. */
function outlet(stream: NodeJS.WriteStream): Outlet {
  let open = true;
  let heard = false;
  const isOpen = () => {
    if (!heard) {
      stream.on("error", () => {
        open = false;
      });
    }
    heard = true;
    return open;
  };
  return {
    get isTTY() {
      return stream.isTTY;
    },
    get columns() {
      return stream.columns;
    },
    write(text) {
      return isOpen() && stream.write(text);
    },
    async send(text) {
      return isOpen() && new Promise((resolve) => stream.write(text, (error) => resolve(!error)));
    },
  };
}
