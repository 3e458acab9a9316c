import stringWidth from "string-width";
import wrapAnsi from "wrap-ansi";
import type { FinishReason } from "../../replay/events.ts";
import { visible } from "../format.ts";

/** Texts in the cells of a terminal: wide characters take two of them. */

/** A text's lines, none of them wider than so many cells. What models wrote comes as it can be seen. */
export function wrapped(text: string, width: number): string[] {
  return visible(text)
    .split("\n")
    .flatMap((line) => pieces(line, LONGEST))
    .flatMap((line) => wrapAnsi(line, Math.max(1, width), { hard: true, trim: false }).split("\n"))
    .map((line) => line.trimEnd());
}

/** Characters that are wrapped at once: what it takes grows faster than a line does. */
const LONGEST = 2000;

function pieces(line: string, length: number): string[] {
  const characters = line.length <= length ? [line] : [...line];
  if (characters.length === 1) return characters;
  const count = Math.ceil(characters.length / length);
  return Array.from({ length: count }, (_, i) => characters.slice(i * length, (i + 1) * length).join(""));
}

/** The same, further to the right. */
export function indented(lines: readonly string[], by: number = 2): string[] {
  return lines.map((line) => (line === "" ? "" : " ".repeat(by) + line));
}

/** As much of one line as fits, with an ellipsis where that is not all. */
export function cut(text: string, width: number): string {
  const line = visible(text.slice(0, 4 * width)).replaceAll("\n", " ");
  if (text.length <= 4 * width && stringWidth(line) <= width) return line;
  const [begin = ""] = wrapAnsi(line, Math.max(1, width - 1), {
    hard: true,
    trim: false,
    wordWrap: false,
  }).split("\n");
  return `${begin}…`;
}

/** What a model said, beside a line that sets it apart. */
export function saidLines(text: string, finishReason: FinishReason, width: number): string[] {
  return wrapped(`${text}${finishReason === "length" ? " (cut off)" : ""}`, width - 2).map((line) =>
    `│ ${line}`.trimEnd(),
  );
}

export type Align = "left" | "right";

/** Rows of cells as lines, each column as wide as its widest cell. */
export function aligned(
  rows: readonly (readonly string[])[],
  aligns: readonly Align[],
  gap = "  ",
): string[] {
  const widths = aligns.map((_, column) => Math.max(0, ...rows.map((row) => stringWidth(row[column] ?? ""))));
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const room = " ".repeat(Math.max(0, (widths[column] as number) - stringWidth(cell)));
        return aligns[column] === "right" ? room + cell : cell + room;
      })
      .join(gap)
      .trimEnd(),
  );
}

/** Two blocks of lines beside each other, the right one from a column on. */
export function beside(left: readonly string[], right: readonly string[], column: number): string[] {
  return Array.from({ length: Math.max(left.length, right.length) }, (_, i) => {
    const [one, other] = [left[i] ?? "", right[i] ?? ""];
    return `${one}${" ".repeat(Math.max(1, column - stringWidth(one)))}${other}`.trimEnd();
  });
}
