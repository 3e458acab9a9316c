import type { CalibrationFigure, Estimate, EvaluationReport, LookingFigure } from "../../../replay/events.ts";
import { calibrationTitles, lookingTitles } from "../../../replay/scores.ts";
import type { Evaluation } from "../../answers.ts";
import { decimal, interval } from "../../format.ts";
import { RoundTable } from "./round_table.tsx";

type Figure = LookingFigure | CalibrationFigure;

interface Group {
  readonly title: string;
  readonly about: string;
  holds(name: Figure): boolean;
}

const titles: Readonly<Record<Figure, string>> = { ...lookingTitles, ...calibrationTitles };

const isOfCalibration = (name: Figure) => name in calibrationTitles;
const isMadeUp = (name: Figure) => /^(?:pope|chair|described)/.test(name);
const isOfEncoder = (name: Figure) => name.startsWith("encoder");

const groups: readonly Group[] = [
  {
    title: "Does it look?",
    about:
      "Percent: accuracy with the picture and without it, the difference, and whether right answers follow an edit of it.",
    holds: (name) => !isMadeUp(name) && !isOfEncoder(name) && !isOfCalibration(name),
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
  {
    title: "Does it know how right it is?",
    about:
      "Percent, less is better: Brier score and expected calibration error of the majority's share of the votes, and of what answers say to be sure of.",
    holds: isOfCalibration,
  },
];

function figuresIn({ looking, calibration }: EvaluationReport): Readonly<Partial<Record<Figure, Estimate>>> {
  return { ...looking, ...calibration };
}

/** Whether the Reasoner looks and knows how right it is, by evaluation; nothing of what no evaluation measured. */
export function Looking({ evaluations }: { readonly evaluations: readonly Evaluation[] }) {
  const measured = (Object.keys(titles) as Figure[]).filter((name) =>
    evaluations.some(({ report }) => figuresIn(report)[name]),
  );
  return (
    <>
      {groups.map((group) => {
        const columns = measured.filter(group.holds);
        return (
          columns.length > 0 && (
            <section key={group.title}>
              <h2>{group.title}</h2>
              <p class="why">{group.about}</p>
              <RoundTable
                columns={columns}
                titles={titles}
                rows={evaluations.map(({ event, round, report }) => {
                  return { key: event, round, figures: figuresIn(report) };
                })}
                show={(estimate) => decimal(estimate?.percent, 1)}
                title={interval}
              />
            </section>
          )
        );
      })}
    </>
  );
}
