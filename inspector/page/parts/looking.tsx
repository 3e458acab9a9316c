import type { LookingFigure } from "../../../replay/events.ts";
import { lookingFigures, lookingTitles } from "../../../replay/scores.ts";
import type { Evaluation } from "../../answers.ts";
import { decimal, interval } from "../../format.ts";

interface Group {
  readonly title: string;
  readonly about: string;
  holds(name: LookingFigure): boolean;
}

const isMadeUp = (name: LookingFigure) => /^(?:pope|chair|described)/.test(name);
const isOfEncoder = (name: LookingFigure) => name.startsWith("encoder");

const groups: readonly Group[] = [
  {
    title: "Does it look?",
    about:
      "Percent: accuracy with the picture and without it, the difference, and whether right answers follow an edit of it.",
    holds: (name) => !isMadeUp(name) && !isOfEncoder(name),
  },
  {
    title: "What it makes up",
    about: "Percent: right answers to whether things are there, and things in descriptions that are not.",
    holds: isMadeUp,
  },
  {
    title: "What its encoder still sees",
    about: "Percent: what can be read in the image encoder's features now, and at the base.",
    holds: isOfEncoder,
  },
];

/** Whether the Reasoner looks, by evaluation; nothing of what no evaluation measured. */
export function Looking({ evaluations }: { readonly evaluations: readonly Evaluation[] }) {
  const measured = lookingFigures.filter((name) => evaluations.some(({ report }) => report.looking[name]));
  return (
    <>
      {groups.map((group) => {
        const columns = measured.filter(group.holds);
        return (
          columns.length > 0 && (
            <section key={group.title}>
              <h2>{group.title}</h2>
              <p class="why">{group.about}</p>
              <Figures columns={columns} evaluations={evaluations} />
            </section>
          )
        );
      })}
    </>
  );
}

function Figures({
  columns,
  evaluations,
}: {
  readonly columns: readonly LookingFigure[];
  readonly evaluations: readonly Evaluation[];
}) {
  return (
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
  );
}
