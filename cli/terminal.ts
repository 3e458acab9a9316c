import { escapeControls } from "../common/printable.ts";

/** What is written to: a terminal, or a file or pipe. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Standard output, for what a command was asked for, and standard error, for what is said beside that. */
const results: Screen = outlet(process.stdout);
export const news: Screen = outlet(process.stderr);

/** Prints what a command was asked for. */
export function print(text: string): void {
  results.write(`${screenText(text)}\n`);
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
function outlet(stream: NodeJS.WriteStream): Screen {
  let open = true;
  let heard = false;
  return {
    get isTTY() {
      return stream.isTTY;
    },
    get columns() {
      return stream.columns;
    },
    write(text) {
      if (!heard) {
        stream.on("error", () => {
          open = false;
        });
      }
      heard = true;
      return open && stream.write(text);
    },
  };
}
