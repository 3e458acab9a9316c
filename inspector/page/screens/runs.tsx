import type { RunLine } from "../../answers.ts";
import { href } from "../address.ts";
import { decimal, duration, moment, whole } from "../format.ts";
import type { Loading } from "../loading.ts";
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
          <table>
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
  const { evaluation, models, startedMs, lastMs, rounds, planned, episodes, images } = about;
  const scores = evaluation?.report.overall;
  const model = models?.reasoner;
  return (
    <tr>
      <td>
        <a href={href({ run: key, screen: "run" })} title={folder}>
          {key}
        </a>
      </td>
      <td>
        <span class={`dot ${condition ?? ""}`} />
        {condition ?? "unknown"}
      </td>
      <td class="n">{planned === null ? rounds : `${rounds} / ${planned}`}</td>
      <td class="n">{decimal(scores?.greedy.percent, 1)}</td>
      <td class="n">{decimal(scores?.mean8.percent, 1)}</td>
      <td class="n">{decimal(scores?.maj8.percent, 1)}</td>
      <td class="n">{whole(episodes)}</td>
      <td class="n">{whole(images)}</td>
      <td>{model ? `${model.modelType}, ${whole(Math.round(model.parameters / 1e5) / 10)} M` : "–"}</td>
      <td>{moment(startedMs)}</td>
      <td class="n">{duration(lastMs - startedMs)}</td>
    </tr>
  );
}
