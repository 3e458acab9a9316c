import { shellWord } from "../common/shell_word.ts";
import type { CurriculumLine, Exporting } from "./answers.ts";

/** What of a run's curriculum is to be written, and in which of the exporter's formats. */
export interface ExportChoice {
  readonly round: number;
  /** Bounds of the confidence, 0 to 1, both included. */
  readonly low: number;
  readonly high: number;
  /** "admitted", or why a question did not enter. */
  readonly outcomes: readonly string[];
  readonly format: string;
  readonly out: string;
}

/** The command that writes just these questions. */
export function exportCommand({ command }: Exporting, choice: ExportChoice): string {
  const { round, low, high, outcomes, format, out } = choice;
  const options = [
    ["--format", format],
    ["--out", out],
    ["--rounds", `${round}`],
    ...(low > 0 || high < 1 ? [["--confidence", `${low}..${high}`]] : []),
    ["--outcome", outcomes.join()],
  ];
  return [command, ...options.map(([name, value = ""]) => `${name} ${shellWord(value)}`)].join(" ");
}

/** Those of some questions that can be written: they have an answer, and equal ones about one image are one. */
export function exportable(lines: readonly CurriculumLine[]): CurriculumLine[] {
  const first = new Map<string, CurriculumLine>();
  for (const line of lines) {
    const { image, question, label, verdict } = line;
    if (question === null || verdict === null || (label ?? verdict.silver) === null) continue;
    const key = `${image.id} ${question.toLowerCase()}`;
    if (!first.has(key)) first.set(key, line);
  }
  return [...first.values()];
}
