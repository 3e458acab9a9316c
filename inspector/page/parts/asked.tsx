import type { Estimate } from "../../../replay/events.ts";
import { type RoundFigure, roundTitles } from "../../../replay/round_figures.ts";
import type { Overview } from "../../answers.ts";
import { decimal, percent, whole } from "../../format.ts";
import { go } from "../address.ts";
import { type Line, Plot } from "./plot.tsx";
import { RoundTable } from "./round_table.tsx";

interface AskedProps {
  readonly run: string;
  readonly overview: Pick<Overview, "asked">;
}

const plots: readonly (readonly [title: string, lines: readonly (readonly [RoundFigure, string])[]])[] = [
  [
    "% right: base · Reasoner",
    [
      ["baseAccuracy", "curriculum"],
      ["reasonerAccuracy", "answer"],
    ],
  ],
  [
    "% sure: base · Reasoner",
    [
      ["baseConfidence", "curriculum"],
      ["reasonerConfidence", "answer"],
    ],
  ],
  [
    "% false accepts · unearned",
    [
      ["falseAccepts", "question"],
      ["unearned", "disagree"],
    ],
  ],
];

/** How hard the rounds' questions are for what does not learn, and what passed the gate wrongly; nothing where nobody measured. */
export function Asked({ run, overview: { asked } }: AskedProps) {
  if (asked.length === 0) return null;
  const x = asked.map(({ round }) => round);
  const columns = (Object.keys(roundTitles) as RoundFigure[]).filter((name) =>
    asked.some(({ figures }) => figures[name]),
  );
  return (
    <section>
      <h2>How hard what is asked is</h2>
      <p class="why">
        The run's base, which does not learn, and the round's Reasoner on the same questions of the
        curriculum; of those that passed the Questioner's gate, which mean nothing or have a wrong silver
        answer.
      </p>
      <div class="grid">
        {plots.map(([title, figures]) => {
          const lines = figures
            .filter(([name]) => columns.includes(name))
            .map(([name, colour]): Line => {
              return { name, colour, values: asked.map((each) => each.figures[name]?.percent ?? null) };
            });
          return (
            lines.length > 0 && (
              <Plot
                key={title}
                title={title}
                x={x}
                lines={lines}
                place={(i) => `round ${x[i]}`}
                onPick={(i) => go({ run, screen: "episodes", params: { round: `${x[i]}` } })}
              />
            )
          );
        })}
      </div>
      <RoundTable
        columns={columns}
        titles={roundTitles}
        rows={asked.map(({ round, figures }) => ({ key: round, round, figures }))}
        show={measured}
      />
    </section>
  );
}

/** Which kinds of questions the rounds asked, where these are known: a row for each, a column for each round. */
export function Kinds({
  overview: { asked, curricula },
}: {
  readonly overview: Pick<Overview, "asked" | "curricula">;
}) {
  const rounds = curricula.filter(({ audit }) => Object.keys(audit?.kinds ?? {}).length > 0);
  if (rounds.length === 0) return null;
  const names = [...new Set(rounds.flatMap(({ audit }) => Object.keys(audit?.kinds ?? {})))].sort();
  const last = asked.at(-1);
  const accuracy = (name: string) => last?.kinds[name]?.accuracy;
  return (
    <section>
      <h2>Kinds of questions</h2>
      <p class="why">
        Shares of the questions of each round's curriculum that mean something, of which so many were
        admitted; and how often the base is right with those of the last round.
      </p>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th>kind</th>
              {rounds.map(({ round }) => (
                <th key={round} class="n">
                  round {round}
                </th>
              ))}
              <th class="n">base right</th>
            </tr>
          </thead>
          <tbody>
            {names.map((name) => (
              <tr key={name}>
                <td>{name}</td>
                {rounds.map(({ round, audit }) => {
                  const kinds = audit?.kinds ?? {};
                  const { asked: own, admitted } = kinds[name] ?? { asked: 0, admitted: 0 };
                  const total = Object.values(kinds).reduce((sum, each) => sum + each.asked, 0);
                  return (
                    <td
                      key={round}
                      class="n"
                      title={`${whole(own)} asked, ${whole(admitted)} admitted`}
                      style={{ background: shade(own / total) }}
                    >
                      {percent(own / total, 1)}
                    </td>
                  );
                })}
                <td class="n">{measured(accuracy(name))}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** A figure with its 95% interval beside it. */
function measured(estimate: Estimate | null | undefined) {
  const range = estimate ? `${estimate.low.toFixed(0)}–${estimate.high.toFixed(0)}` : "";
  return (
    <>
      {decimal(estimate?.percent, 1)} <span class="quiet">{range}</span>
    </>
  );
}

/** The more of a colour the greater a share is; a half and more are full. */
function shade(share: number): string {
  return `color-mix(in srgb, var(--question) ${Math.round(Math.min(1, 2 * share) * 60)}%, transparent)`;
}
