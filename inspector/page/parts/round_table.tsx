import type { ComponentChildren } from "preact";
import type { Estimate } from "../../../replay/events.ts";

interface RoundTableProps<N extends string> {
  readonly columns: readonly N[];
  readonly titles: Readonly<Record<N, string>>;
  readonly rows: readonly RoundRow<N>[];
  /** What a figure shows of itself. */
  readonly show: (estimate: Estimate | null | undefined) => ComponentChildren;
  /** What it says where it is pointed at. */
  readonly title?: (estimate: Estimate) => string;
}

interface RoundRow<N extends string> {
  readonly key: number;
  readonly round: number;
  readonly figures: Readonly<Partial<Record<N, Estimate | null>>>;
}

/** A row for each round, a column for each of its figures. */
export function RoundTable<N extends string>({ columns, titles, rows, show, title }: RoundTableProps<N>) {
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th class="n">round</th>
            {columns.map((name) => (
              <th key={name} class="n">
                {titles[name]}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, round, figures }) => (
            <tr key={key}>
              <td class="n">{round}</td>
              {columns.map((name) => {
                const estimate = figures[name];
                return (
                  <td key={name} class="n" title={estimate ? title?.(estimate) : undefined}>
                    {show(estimate)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
