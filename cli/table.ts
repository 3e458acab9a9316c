import CliTable from "cli-table3";
import type { RoundSummary, Summary } from "../arena/summary.ts";
import type { EvaluationReport, Scores } from "../replay/events.ts";
import type { Figure } from "../replay/scores.ts";
import { count } from "./format.ts";

type Column =
  | Figure
  | Exclude<keyof RoundSummary, "round" | "stage" | "intervals" | "families" | "models" | "empty">;

interface Row {
  readonly name: string;
  readonly figures: Readonly<Partial<Record<Column, number | null>>>;
  readonly intervals: RoundSummary["intervals"];
}

/**
 * The base against each round, in percent; below a figure stands its 95% interval. Where nothing was evaluated, what
 * the rounds themselves came to. What nobody measured has no column.
 */
export function roundsTable({ rounds, samples }: Summary): string {
  const shown = samples === null ? rounds.filter(({ round }) => round > 0) : rounds;
  const isStaged = new Set(shown.map(({ stage }) => stage)).size > 1;
  const rows = shown.map(({ round, stage, ...figures }) => ({
    name: round === 0 ? "base" : `round ${round}${isStaged ? `\n${stage}` : ""}`,
    figures,
    intervals: figures.intervals,
  }));
  const columns = samples === null ? outcomes : accuracies(samples);
  const isKnown = (column: Column) => rows.some(({ figures }) => figures[column] != null);
  return render(
    columns.filter(([column]) => isKnown(column)),
    rows,
  );
}

/** One model by families of questions, as `roundsTable` does it. */
export function familiesTable({ overall, families, samples }: EvaluationReport): string {
  const rows = Object.entries({ all: overall, ...families }).map(([name, scores]) => scoresRow(name, scores));
  return render(
    accuracies(samples).filter(([column]) => column in overall),
    rows,
  );
}

type Columns = readonly (readonly [Column, string])[];

function accuracies(k: number): Columns {
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

/** Rewards are no shares, and items a number. */
const outcomes: Columns = [
  ["heldOutLoss", "held-out\nloss"],
  ["questionerReward", "reward\nquestioner"],
  ["reasonerReward", "reward\nreasoner"],
  ["confidence", "confidence"],
  ["parsed", "answers\nparsed"],
  ["admitted", "questions\nadmitted"],
  ["silver", "silver"],
  ["meaningful", "meaning-\nful"],
];

const plain: Readonly<Partial<Record<Column, (value: number) => string>>> = {
  heldOutLoss: (loss) => loss.toFixed(3),
  questionerReward: (reward) => reward.toFixed(2),
  reasonerReward: (reward) => reward.toFixed(2),
  admitted: count,
};

function scoresRow(name: string, { questions: _, ...scores }: Scores): Row {
  const entries = Object.entries(scores);
  return {
    name,
    figures: Object.fromEntries(entries.map(([figure, { percent }]) => [figure, percent])),
    intervals: Object.fromEntries(entries.map(([figure, { low, high }]) => [figure, [low, high]])),
  };
}

function render(shown: Columns, rows: readonly Row[]): string {
  const table = new CliTable({
    head: ["", ...shown.map(([, title]) => title)],
    colAligns: ["left", ...shown.map(() => "right" as const)],
    style: { head: [], border: [] },
    chars: borders,
  });
  for (const { name, figures, intervals } of rows) {
    const interval: Partial<Record<Column, readonly [number, number]>> = intervals;
    table.push([name, ...shown.map(([column]) => cell(column, figures[column], interval[column]))]);
  }
  return table.toString().replace(/^ | +$/gm, "");
}

function cell(
  column: Column,
  value: number | null | undefined,
  interval?: readonly [number, number],
): string {
  if (value === null || value === undefined) return "–";
  const text = plain[column]?.(value) ?? value.toFixed(1);
  const range = interval?.map((bound) => bound.toFixed(0)).join("–");
  return range ? `${text}\n${range}` : text;
}

/** None at all, so that the table fits into 80 columns. */
export const borders: NonNullable<CliTable.TableConstructorOptions["chars"]> = Object.fromEntries(
  ["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left", "bottom-right"]
    .concat("left", "left-mid", "mid", "mid-mid", "right", "right-mid", "middle")
    .map((name) => [name, ""]),
);
