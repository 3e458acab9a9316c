import type { RoundSummary, Summary } from "../arena/summary.ts";
import { type RoundFigure, roundTitles } from "../replay/round_figures.ts";
import { type Columns, estimatesRow, known, render, rowName } from "./table.ts";

/**
 * What the rounds asked: how right and sure the base and the Reasoner are of it, what passed the gate wrongly, and which kinds
 * of questions it was, as `roundsTable` does it; null where nobody measured that.
 */
export function questionsTable({ rounds }: Pick<Summary, "rounds">): string | null {
  const tables = [askedTable(rounds), kindsTable(rounds)].filter((table) => table !== null);
  return tables.length === 0 ? null : tables.join("\n\n");
}

const titles = Object.entries(roundTitles) as readonly (readonly [RoundFigure, string])[];
const columns: Columns = titles.map(([figure, title]) => [figure, title.replace(" ", "\n")]);

function askedTable(rounds: readonly RoundSummary[]): string | null {
  const rows = rounds
    .filter(({ asked }) => Object.keys(asked).length > 0)
    .map((round) => estimatesRow(rowName(round, rounds), round.asked));
  return rows.length === 0 ? null : render(known(columns, rows), rows);
}

/** Percent of the questions that mean something. */
function kindsTable(rounds: readonly RoundSummary[]): string | null {
  const counted = rounds.filter(({ kinds }) => Object.values(kinds).some(({ asked }) => asked > 0));
  const names = [...new Set(counted.flatMap(({ kinds }) => Object.keys(kinds)))].sort();
  if (names.length === 0) return null;
  const rows = counted.map((round) => {
    const total = Object.values(round.kinds).reduce((sum, { asked }) => sum + asked, 0);
    const shares = names.map((name) => [`kind:${name}`, (100 * (round.kinds[name]?.asked ?? 0)) / total]);
    return { name: rowName(round, rounds), figures: Object.fromEntries(shares), intervals: {} };
  });
  return render(
    names.map((name) => [`kind:${name}`, name]),
    rows,
  );
}
