import type { RunLine } from "../../answers.ts";
import { decimal, duration, moment, whole } from "../../format.ts";
import { href } from "../address.ts";
import type { Loading } from "../loading.ts";
import { Plot } from "../parts/plot.tsx";
import { Empty, Waiting } from "../parts/states.tsx";

/** The runs that there are. */
export function RunsScreen({ runs }: { readonly runs: Loading<RunLine[]> }) {
  const { value } = runs;
  return (
    <main>
      <h1>Runs</h1>
      <Waiting for={runs}>Reading the runs …</Waiting>
      {value?.length === 0 && <Empty>There is no run in these folders yet.</Empty>}
      {value && value.length > 0 && (
        <div class="scroll">
          <table class="wide-table">
            <thead>
              <tr>
                <th>run</th>
                <th>state</th>
                <th class="n">rounds</th>
                <th class="n">greedy %</th>
                <th class="n">mean %</th>
                <th class="n">majority %</th>
                <th class="n">episodes</th>
                <th class="n">images</th>
                <th>model</th>
                <th>began</th>
                <th class="n">took</th>
              </tr>
            </thead>
            <tbody>
              {value.map((line) => (
                <RunRow key={line.key} line={line} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {value && value.length > 1 && <Curves runs={value} />}
      {value && value.length > 1 && (
        <p>
          <a
            href={href({
              run: value[0]?.key ?? "",
              screen: "compare",
              params: { right: value[1]?.key ?? "" },
            })}
          >
            Compare two of them
          </a>
        </p>
      )}
    </main>
  );
}

function RunRow({ line: { key, folder, condition, about, problem } }: { readonly line: RunLine }) {
  if (!about) {
    return (
      <tr>
        <td title={folder}>{key}</td>
        <td class="bad" colSpan={10}>
          {problem}
        </td>
      </tr>
    );
  }
  const { evaluations, models, startedMs, lastMs, rounds, planned, episodes, images } = about;
  const scores = evaluations.at(-1)?.report.overall;
  const model = models?.reasoner;
  return (
    <tr>
      <td>
        <a href={href({ run: key, screen: "run" })} title={folder}>
          {key}
        </a>
      </td>
      <td class="line">
        <span class={`dot ${condition ?? ""}`} />
        {condition ?? "unknown"}
      </td>
      <td class="n">{planned === null ? rounds : `${rounds} / ${planned}`}</td>
      <td class="n">{decimal(scores?.greedy.percent, 1)}</td>
      <td class="n">{decimal(scores?.mean8.percent, 1)}</td>
      <td class="n">{decimal(scores?.maj8.percent, 1)}</td>
      <td class="n">{whole(episodes)}</td>
      <td class="n">{whole(images)}</td>
      <td class="line">
        {model ? `${model.modelType}, ${whole(Math.round(model.parameters / 1e5) / 10)} M` : "–"}
      </td>
      <td class="line">{moment(startedMs)}</td>
      <td class="n">{duration(lastMs - startedMs)}</td>
    </tr>
  );
}

/** Colours of runs, in turn. */
const runColours = ["agree", "disagree", "question", "curriculum", "abstain", "text"];

/** What each run has learnt, round by round, beside the others. */
function Curves({ runs }: { readonly runs: readonly RunLine[] }) {
  const shown = runs.filter(({ about }) => (about?.evaluations.length ?? 0) > 0);
  if (shown.length < 2) return null;
  const rounds = [
    ...new Set(shown.flatMap(({ about }) => about?.evaluations.map(({ round }) => round) ?? [])),
  ];
  const x = rounds.sort((a, b) => a - b);
  const figures = [
    ["greedy %", "greedy"],
    ["mean %", "mean8"],
    ["majority %", "maj8"],
  ] as const;
  return (
    <section style={{ marginTop: "24px" }}>
      <h2>Learning, by round</h2>
      <p class="legend">
        {shown.map(({ key }, i) => (
          <span key={key}>
            <i style={{ background: `var(--${runColours[i % runColours.length]})` }} />
            {key}
          </span>
        ))}
      </p>
      <div class="grid">
        {figures.map(([title, of]) => (
          <Plot
            key={of}
            title={title}
            x={x}
            height={180}
            place={(i) => `round ${x[i]}`}
            lines={shown.map(({ key, about }, i) => ({
              name: key,
              colour: runColours[i % runColours.length] as string,
              values: x.map(
                (round) =>
                  about?.evaluations.find((each) => each.round === round)?.report.overall[of].percent ?? null,
              ),
            }))}
          />
        ))}
      </div>
    </section>
  );
}
