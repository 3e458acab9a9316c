import CliTable from "cli-table3";
import type { Figure, RoundSummary, Summary } from "../arena/summary.ts";
import type { EvaluationReport, Scores } from "../replay/events.ts";

type Column = Figure | "silver" | "meaningful";

interface Row {
  readonly name: string;
  readonly figures: Readonly<Partial<Record<Column, number | null>>>;
  readonly intervals: RoundSummary["intervals"];
}

/** The base against each round, in percent; below a figure stands its 95% interval. */
export function roundsTable({ rounds }: Summary, samples: number): string {
  const rows = rounds.map((round) => ({
    name: round.round === 0 ? "base" : `round ${round.round}`,
    figures: round,
    intervals: round.intervals,
  }));
  return render(columns(samples), rows);
}

/** One model by families of questions, as `roundsTable` does it. */
export function familiesTable({ overall, families, samples }: EvaluationReport): string {
  const rows = Object.entries({ all: overall, ...families }).map(([name, scores]) => scoresRow(name, scores));
  return render(
    columns(samples).filter(([column]) => column !== "silver" && column !== "meaningful"),
    rows,
  );
}

function columns(k: number): [Column, string][] {
  return [
    ["greedy", "greedy"],
    ["mean8", `mean@${k}\nT=1`],
    ["mean8_t06", `mean@${k}\nT=0.6`],
    ["maj8", `maj@${k}`],
    ["pass8", `pass@${k}`],
    ["silver", "silver"],
    ["blind", "blind"],
    ["abstention", "abstain"],
    ["meaningful", "meaning-\nful"],
  ];
}

function scoresRow(name: string, { questions: _, ...scores }: Scores): Row {
  const entries = Object.entries(scores);
  return {
    name,
    figures: Object.fromEntries(entries.map(([figure, { percent }]) => [figure, percent])),
    intervals: Object.fromEntries(entries.map(([figure, { low, high }]) => [figure, [low, high]])),
  };
}

function render(shown: readonly (readonly [Column, string])[], rows: readonly Row[]): string {
  const table = new CliTable({
    head: ["", ...shown.map(([, title]) => title)],
    colAligns: ["left", ...shown.map(() => "right" as const)],
    style: { head: [], border: [] },
    chars: borders,
  });
  for (const { name, figures, intervals } of rows) {
    const interval: Partial<Record<Column, readonly [number, number]>> = intervals;
    table.push([name, ...shown.map(([column]) => cell(figures[column], interval[column]))]);
  }
  return table.toString().replace(/^ | +$/gm, "");
}

function cell(percent: number | null | undefined, interval?: readonly [number, number]): string {
  if (percent === null || percent === undefined) return "–";
  const range = interval?.map((bound) => bound.toFixed(0)).join("–");
  return range ? `${percent.toFixed(1)}\n${range}` : percent.toFixed(1);
}

/** None at all, so that the table fits into 80 columns. */
export const borders: NonNullable<CliTable.TableConstructorOptions["chars"]> = Object.fromEntries(
  ["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left", "bottom-right"]
    .concat("left", "left-mid", "mid", "mid-mid", "right", "right-mid", "middle")
    .map((name) => [name, ""]),
);
