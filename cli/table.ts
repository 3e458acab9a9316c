import CliTable from "cli-table3";
import type { CurriculumAudit, Estimate, EvaluationReport, Scores } from "../replay/events.ts";

/** What one round came to; round 0 is the base. */
export interface RoundResult {
  readonly round: number;
  readonly evaluation: EvaluationReport | null;
  readonly audit: CurriculumAudit | null;
}

/** The base against each round, in percent; below a figure stands its 95% interval. */
export function resultTable(rounds: readonly RoundResult[]): string {
  const k = rounds.find(({ evaluation }) => evaluation)?.evaluation?.samples ?? 8;
  const head = ["", "greedy", `mean@${k}\nT=1`, `mean@${k}\nT=0.6`, `maj@${k}`, `pass@${k}`].concat([
    "silver",
    "blind",
    "abstain",
    "meaning-\nful",
  ]);
  const table = new CliTable({
    head,
    colAligns: head.map((_, column) => (column === 0 ? "left" : "right")),
    style: { head: [], border: [] },
    chars: borders,
  });
  for (const { round, evaluation, audit } of rounds) {
    const cell = (name: FigureName) => estimate(evaluation?.overall[name]);
    table.push([
      round === 0 ? "base" : `round ${round}`,
      ...(["greedy", "mean8", "mean8_t06", "maj8", "pass8"] as const).map(cell),
      share(audit?.labelsCorrect),
      cell("blind"),
      cell("abstention"),
      share(audit?.meaningful),
    ]);
  }
  return table.toString().replace(/^ | +$/gm, "");
}

type FigureName = Exclude<keyof Scores, "questions">;

function estimate(figure: Estimate | undefined): string {
  return figure ? `${figure.percent.toFixed(1)}\n${figure.low.toFixed(0)}–${figure.high.toFixed(0)}` : "–";
}

function share(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : (100 * value).toFixed(1);
}

/** None at all, so that the table fits into 80 columns. */
const borders: CliTable.TableConstructorOptions["chars"] = Object.fromEntries(
  ["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left", "bottom-right"]
    .concat("left", "left-mid", "mid", "mid-mid", "right", "right-mid", "middle")
    .map((name) => [name, ""]),
);
