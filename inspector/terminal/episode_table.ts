import stringWidth from "string-width";
import type { EpisodeHead, EpisodeQuery } from "../../replay/query.ts";
import { decimal, figureName, visible, whole } from "../format.ts";
import { figureOf } from "../select.ts";
import { type Align, aligned, cut } from "./layout.ts";

interface Column {
  readonly title: string;
  readonly align: Align;
  cell(head: EpisodeHead): string;
}

/** Cells that questions have at least. */
const QUESTION_WIDTH = 24;

const first: readonly Column[] = [
  { title: "episode", align: "right", cell: ({ id }) => whole(id) },
  { title: "phase", align: "left", cell: ({ phase }) => visible(phase) },
  figureColumn("round"),
];

/** In the order in which they are shown, and which of them gives way first where there is no room. */
const others = ["step", "reward", "confidence", "advantage", "length"] as const;
const leastWanted = [
  "length",
  "advantage",
  "step",
  "trajectory:turns",
  "confidence",
  "trajectory:faults",
  "reward",
] as const;

/** Figures that are whole numbers. */
const wholes: ReadonlySet<string> = new Set([
  "round",
  "step",
  "length",
  "truncated",
  "questionerVersion",
  "reasonerVersion",
  "trajectory:faults",
]);

/**
 * Episodes in lines that fit a width, under their titles: figures, also those that a query is about, and the question with
 * what it is rewarded for. Where there is little room, figures that nobody asked for give way.
 */
export function episodeTable(heads: readonly EpisodeHead[], query: EpisodeQuery, width: number): string {
  const asked = [query.sort?.by ?? "time", ...Object.keys(query.ranges ?? {})].filter(
    (name) => name !== "time",
  );
  const names = new Set<string>(
    [...others, ...trajectoryFigures(heads), ...asked].filter((name) => name !== "round"),
  );
  const rowsOf = () => {
    const columns = [...first, ...[...names].map(figureColumn)];
    const rows = [
      columns.map(({ title }) => title),
      ...heads.map((head) => columns.map(({ cell }) => cell(head))),
    ];
    return aligned(
      rows,
      columns.map(({ align }) => align),
    );
  };
  let lines = rowsOf();
  const room = () => width - Math.max(...lines.map((line) => stringWidth(line))) - 2;
  for (const name of leastWanted) {
    if (room() >= QUESTION_WIDTH) break;
    if (asked.includes(name)) continue;
    names.delete(name);
    lines = rowsOf();
  }
  const questions = ["question", ...heads.map((head) => questionText(head, Math.max(8, room())))];
  return aligned(
    lines.map((line, i) => [line, questions[i] as string]),
    ["left", "left"],
  ).join("\n");
}

/** Figures of trajectories, where one has several turns, or faults spoiled some. */
function trajectoryFigures(heads: readonly EpisodeHead[]): string[] {
  const reaches = (name: string, least: number) => heads.some((head) => (figureOf(head, name) ?? 0) >= least);
  return [
    ...(reaches("trajectory:turns", 1 + Number.EPSILON) ? ["trajectory:turns"] : []),
    ...(reaches("trajectory:faults", 1) ? ["trajectory:faults"] : []),
  ];
}

function figureColumn(name: string): Column {
  const title = name === "length" ? "tokens" : visible(figureName(name));
  const cell = (head: EpisodeHead) => {
    const value = figureOf(head, name);
    return value !== null && wholes.has(name) ? whole(value) : decimal(value);
  };
  return { title, align: "right", cell };
}

/** The question and what it is rewarded for; where there is little room, more of the question is cut. */
function questionText({ question, label, superseded }: EpisodeHead, width: number): string {
  const asked = `${superseded ? "superseded · " : ""}${question ?? "no question"}`;
  const rewarded = label === null ? "" : ` → ${cut(label, Math.floor(width / 2) - 3)}`;
  return cut(asked, width - stringWidth(rewarded)) + rewarded;
}
