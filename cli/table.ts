import CliTable from "cli-table3";
import { type CauseEstimates, type CauseFigure, examinedCauses } from "../arena/cause_estimates.ts";
import type { RoundSummary, Summary } from "../arena/summary.ts";
import type { CalibrationFigure, Estimate, EvaluationReport, LookingFigure } from "../replay/events.ts";
import type { RoundFigure } from "../replay/round_figures.ts";
import type { Figure } from "../replay/scores.ts";
import { count } from "./format.ts";

type Column =
  | Figure
  | LookingFigure
  | CalibrationFigure
  | CauseFigure
  | RoundFigure
  | `kind:${string}`
  | Exclude<keyof RoundSummary, "round" | "stage" | "models" | "empty" | Group>;

/** What a round has several figures of. */
type Group = "intervals" | "families" | "looking" | "calibration" | "attribution" | "asked" | "kinds";

/** A line of a table. */
export interface Row {
  readonly name: string;
  readonly figures: Readonly<Partial<Record<Column, number | null>>>;
  readonly intervals: Readonly<Partial<Record<Column, readonly [number, number]>>>;
}

/**
 * The base against each round, in percent; below a figure stands its 95% interval. Where nothing was evaluated, what
 * the rounds themselves came to. What nobody measured has no column.
 */
export function roundsTable({ rounds, samples }: Summary): string {
  const shown = samples === null ? rounds.filter(({ round }) => round > 0) : rounds;
  const rows = shown.map((round): Row => {
    const { intervals, ...figures } = round;
    return { name: rowName(round, shown), figures, intervals };
  });
  return render(known(samples === null ? outcomes : accuracies(samples), rows), rows);
}

/** Whether the Reasoner looks, and knows how right it is: the base against each round, as `roundsTable` does it; null where nobody measured that. */
export function lookingTable({ rounds }: Pick<Summary, "rounds">): string | null {
  const rows = rounds.flatMap((round) => {
    const row = estimatesRow(rowName(round, rounds), { ...round.looking, ...round.calibration });
    return Object.keys(row.figures).length > 0 ? [row] : [];
  });
  return looksTable(rows);
}

/** The same of one model. */
export function modelLookingTable({ looking, calibration }: EvaluationReport): string | null {
  return looksTable([estimatesRow("all", { ...looking, ...calibration })]);
}

function looksTable(rows: readonly Row[]): string | null {
  const tables = looks.map((columns) => known(columns, rows)).filter((columns) => columns.length > 0);
  return tables.length === 0 ? null : tables.map((columns) => render(columns, rows)).join("\n\n");
}

/** Where its answers went wrong, the base against each round, as `roundsTable` does it; null where nobody looked. */
export function causesTable({ rounds }: Pick<Summary, "rounds">): string | null {
  return causeRows(
    rounds.flatMap((round): NamedCauses[] =>
      round.attribution ? [[rowName(round, rounds), round.attribution.overall]] : [],
    ),
  );
}

/** The same of one model, by families of questions. */
export function modelCausesTable(report: EvaluationReport): string | null {
  const causes = examinedCauses(report);
  return causes && causeRows([["all", causes.overall], ...Object.entries(causes.families)]);
}

type NamedCauses = readonly [name: string, estimates: CauseEstimates];

function causeRows(named: readonly NamedCauses[]): string | null {
  const rows = named.map(([name, estimates]) => estimatesRow(name, estimates));
  // Mostly all that can be used can be judged.
  const isPartial = rows.some(({ figures: { usable, judged } }) => usable !== judged);
  const columns = known(causeColumns, rows).filter(([column]) => isPartial || column !== "judged");
  return columns.length === 0 ? null : render(columns, rows);
}

/** A round in a table of all. */
export function rowName(
  { round, stage }: Pick<RoundSummary, "round" | "stage">,
  all: readonly RoundSummary[],
): string {
  const isStaged = new Set(all.map((each) => each.stage)).size > 1;
  return round === 0 ? "base" : `round ${round}${isStaged ? `\n${stage}` : ""}`;
}

/** The columns that some row has. */
export function known(columns: Columns, rows: readonly Row[]): Columns {
  return columns.filter(([column]) => rows.some(({ figures }) => figures[column] != null));
}

/** One model by families of questions, as `roundsTable` does it. */
export function familiesTable({ overall, families, samples }: EvaluationReport): string {
  const rows = Object.entries({ all: overall, ...families }).map(([name, { questions: _, ...scores }]) =>
    estimatesRow(name, scores),
  );
  return render(
    accuracies(samples).filter(([column]) => column in overall),
    rows,
  );
}

/** Figures and their titles. */
export type Columns = readonly (readonly [Column, string])[];

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

const looks: readonly Columns[] = [
  [
    ["dependence", "depend-\nence"],
    ["sighted", "sighted"],
    ["blank", "blank"],
    ["other", "other\npicture"],
    ["shuffled", "shuffled"],
    ["sensitivity", "sensi-\ntivity"],
    ["stability", "stabi-\nlity"],
  ],
  [
    ["popeRandom", "POPE\nrandom"],
    ["popeFrequent", "POPE\nfrequent"],
    ["popeAdversarial", "POPE\nadvers."],
    ["popeAdversarialF1", "F1\nadvers."],
    ["popeAdversarialYes", "yes\nadvers."],
    ["chairThings", "CHAIR\nthings"],
    ["chairDescriptions", "CHAIR\ntexts"],
    ["chairRecall", "recall"],
    ["encoder", "encoder"],
  ],
  [
    ["votesBrier", "Brier\nof votes"],
    ["votesError", "ECE\nof votes"],
    ["stated", "say how\nsure"],
    ["statedBrier", "Brier\nof these"],
    ["statedError", "ECE\nof these"],
  ],
];

const causeColumns: Columns = [
  ["usable", "usable"],
  ["judged", "judged"],
  ["described", "de-\nscribed"],
  ["concluded", "con-\ncluded"],
  ["grounding", "ground-\ning"],
  ["reasoning", "reason-\ning"],
  ["fusion", "fusion"],
  ["unfaithful", "unfaith-\nful"],
];

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

/** A row of estimates with their intervals. */
export function estimatesRow(name: string, estimates: Readonly<Partial<Record<Column, Estimate>>>): Row {
  const entries = Object.entries<Estimate>(estimates as Readonly<Record<string, Estimate>>);
  return {
    name,
    figures: Object.fromEntries(entries.map(([figure, { percent }]) => [figure, percent])),
    intervals: Object.fromEntries(entries.map(([figure, { low, high }]) => [figure, [low, high]])),
  };
}

/** A table of some columns; below a figure stands its 95% interval. */
export function render(shown: Columns, rows: readonly Row[]): string {
  const table = new CliTable({
    head: ["", ...shown.map(([, title]) => title)],
    colAligns: ["left", ...shown.map(() => "right" as const)],
    style: { head: [], border: [] },
    chars: borders,
  });
  for (const { name, figures, intervals } of rows) {
    table.push([name, ...shown.map(([column]) => cell(column, figures[column], intervals[column]))]);
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
