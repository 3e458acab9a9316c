import { lookingFigures, lookingTitles } from "../../../replay/scores.ts";
import type { Evaluation } from "../../answers.ts";
import { decimal, interval } from "../../format.ts";

/** Whether the Reasoner looks, by evaluation; nothing where no evaluation measured that. */
export function LookingTable({ evaluations }: { readonly evaluations: readonly Evaluation[] }) {
  const columns = lookingFigures.filter((name) => evaluations.some(({ report }) => report.looking[name]));
  if (columns.length === 0) return null;
  return (
    <>
      <h3>Does it look?</h3>
      <p class="why">
        Percent, with 95% intervals: accuracy with the picture and without it, and whether right answers
        follow edits of it.
      </p>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th class="n">round</th>
              {columns.map((name) => (
                <th key={name} class="n">
                  {lookingTitles[name]}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {evaluations.map(({ event, round, report: { looking } }) => (
              <tr key={event}>
                <td class="n">{round}</td>
                {columns.map((name) => {
                  const estimate = looking[name];
                  return (
                    <td key={name} class="n" title={estimate && interval(estimate)}>
                      {decimal(estimate?.percent, 1)}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
