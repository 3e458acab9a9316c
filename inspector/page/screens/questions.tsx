import type { Drift, QuestionCluster } from "../../answers.ts";
import { decimal, percent, plural, visible, whole } from "../../format.ts";
import { spread } from "../../lists.ts";
import { paths } from "../../paths.ts";
import { changed, go, href } from "../address.ts";
import { useCloserAnswer } from "../loading.ts";
import { Asked, Kinds } from "../parts/asked.tsx";
import { DamageNote } from "../parts/damage_note.tsx";
import { Thumbnail } from "../parts/picture.tsx";
import { Plot } from "../parts/plot.tsx";
import { Empty, Problems, Waiting } from "../parts/states.tsx";
import type { EarlyScreenProps } from "../screen.ts";

/** What the Questioner asks, round by round: whether it learns to ask harder, or collapses. */
export function QuestionsScreen({ address: { run, params }, overview }: EarlyScreenProps) {
  const version = Math.floor((overview?.line.about?.position ?? 0) / 500);
  const drift = useCloserAnswer<Drift>(
    (closeness) => paths.drift(run, closeness),
    ({ sampled, of }) => sampled === of,
    version,
  );
  const { value } = drift;
  return (
    <main>
      <h1>What the Questioner asks</h1>
      {overview && <Asked run={run} overview={overview} />}
      {overview && <Kinds overview={overview} />}
      <Problems of={drift} />
      {value && <DamageNote episodes={value.damaged} />}
      <Waiting for={drift}>Reading what was asked …</Waiting>
      {value &&
        (value.rounds.length === 0 ? <NoQuestions /> : <Drifting run={run} drift={value} params={params} />)}
    </main>
  );
}

function NoQuestions() {
  return (
    <Empty>
      Clusters of what the Questioner asks while it learns would be here. This run has no such episodes: its
      Questioner does not learn (questioner.train is false), or has not begun.
    </Empty>
  );
}

interface DriftingProps {
  readonly run: string;
  readonly drift: Drift;
  readonly params: URLSearchParams;
}

function Drifting({ run, drift: { rounds, clusters, sampled, of }, params }: DriftingProps) {
  const x = rounds.map(({ round }) => round);
  const line = (name: string, values: readonly (number | null)[], colour = "question") => (
    <Plot
      key={name}
      title={name}
      x={x}
      lines={[{ name, colour, values }]}
      place={(i) => `round ${x[i]}`}
      onPick={(i) => go({ run, screen: "episodes", params: { phase: "questioner", round: `${x[i]}` } })}
    />
  );
  const chosen = clusters.find(({ name }) => name === params.get("cluster"));
  return (
    <>
      <p class="quiet" style={{ marginBottom: "18px" }}>
        {sampled < of
          ? `${whole(sampled)} of ${plural(of, "episode")} were looked at, spread evenly over each round.`
          : `All ${plural(of, "episode")} of its learning.`}
      </p>
      <section>
        <div class="grid">
          {line(
            "confidence of the answers",
            rounds.map(({ confidence }) => confidence),
          )}
          {line(
            "reward",
            rounds.map(({ reward }) => reward),
          )}
          {line(
            "different questions",
            rounds.map(({ distinct }) => distinct),
          )}
          {line(
            "different words (distinct-1)",
            rounds.map(({ distinct1 }) => distinct1),
          )}
          {line(
            "different pairs of words (distinct-2)",
            rounds.map(({ distinct2 }) => distinct2),
          )}
          {line(
            "tokens of a question",
            rounds.map(({ length }) => length),
          )}
        </div>
      </section>
      <section>
        <h2>Like questions</h2>
        <p class="why">
          A row is a cluster: its share of each round's questions, and the confidence and reward that it had
          first and last. Rows that appear, or end, are what changed.
        </p>
        <ClusterTable run={run} clusters={clusters} rounds={x} params={params} />
      </section>
      {chosen && <Examples run={run} cluster={chosen} />}
      <section>
        <h2>How questions begin</h2>
        <Beginnings rounds={rounds} run={run} />
      </section>
    </>
  );
}

const CELL = 20;
/** Rounds that have a column of their own; of more, as many, spread evenly. */
const COLUMNS = 24;

interface ClusterTableProps {
  readonly run: string;
  readonly clusters: readonly QuestionCluster[];
  readonly rounds: readonly number[];
  readonly params: URLSearchParams;
}

function ClusterTable({ run, clusters, rounds, params }: ClusterTableProps) {
  const columns = spread(rounds, COLUMNS);
  const most = Math.max(...clusters.flatMap((cluster) => cluster.rounds.map(({ share }) => share)));
  const [first, last] = [rounds[0], rounds.at(-1)];
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th>question</th>
            <th class="n">asked</th>
            <th>
              <span
                style={{
                  display: "flex",
                  justifyContent: "space-between",
                  width: `${columns.length * CELL}px`,
                }}
              >
                <span>
                  {columns.length < 4 ? "" : "round "}
                  {first}
                </span>
                {last !== first && <span>{last}</span>}
              </span>
            </th>
            <th class="n">confidence</th>
            <th class="n">reward</th>
            <th />
          </tr>
        </thead>
        <tbody>
          {clusters.map((cluster) => {
            const { name, questions, rounds: own } = cluster;
            const [begin, end] = [own[0], own.at(-1)];
            const isNew = begin !== undefined && begin.round !== first;
            const isGone = end !== undefined && end.round !== last;
            const address = href({ run, screen: "questions", params: changed(params, { cluster: name }) });
            return (
              <tr
                key={name}
                {...(params.get("cluster") === name && { style: { background: "var(--chosen)" } })}
              >
                <td style={{ maxWidth: "420px" }} class="clip">
                  <a href={address}>{visible(name)}</a>
                </td>
                <td class="n">{whole(questions)}</td>
                <td>
                  <ShareStrip cluster={cluster} columns={columns} most={most} />
                </td>
                <td class="n">{change(begin?.confidence, end?.confidence)}</td>
                <td class="n">{change(begin?.reward, end?.reward)}</td>
                <td class="quiet">
                  {isNew ? `new in ${begin.round}` : isGone ? `gone after ${end.round}` : ""}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function change(from: number | null | undefined, to: number | null | undefined): string {
  return from === to ? decimal(to) : `${decimal(from)} → ${decimal(to)}`;
}

interface ShareStripProps {
  readonly cluster: QuestionCluster;
  readonly columns: readonly number[];
  /** The greatest share of any cluster, which fills a cell. */
  readonly most: number;
}

function ShareStrip({ cluster: { name, rounds }, columns, most }: ShareStripProps) {
  const shares = columns.map((round) => rounds.find((own) => own.round === round)?.share ?? 0);
  return (
    <svg
      width={columns.length * CELL}
      height={18}
      role="img"
      aria-label={`Shares of ${visible(name)} by round`}
    >
      {shares.map((share, i) => {
        const tall = share === 0 ? 0 : Math.max(1.5, (16 * share) / most);
        return (
          <rect
            key={columns[i]}
            x={i * CELL}
            y={17 - tall}
            width={CELL - 2}
            height={tall}
            fill="var(--question)"
          >
            <title>{`round ${columns[i]}: ${percent(share, 1)}`}</title>
          </rect>
        );
      })}
      <line class="axis" x1={0} x2={columns.length * CELL} y1={17.5} y2={17.5} />
    </svg>
  );
}

function Examples({
  run,
  cluster: { name, examples },
}: {
  readonly run: string;
  readonly cluster: QuestionCluster;
}) {
  return (
    <section aria-label="Examples">
      <h2>“{visible(name)}” and its like</h2>
      <div class="gallery">
        {examples.map(({ episode, rollout, round, image, question, reward, confidence }) => (
          <a
            key={`${episode} ${rollout}`}
            href={href({
              run,
              screen: "episodes",
              id: `${episode}`,
              params: { phase: "questioner", rollout: `${rollout}` },
            })}
          >
            <Thumbnail run={run} image={image} size={132} />
            <div class="said">{visible(question)}</div>
            <div class="quiet">
              round {round} · {decimal(confidence)} · reward {decimal(reward)}
            </div>
          </a>
        ))}
      </div>
    </section>
  );
}

function Beginnings({ rounds, run }: { readonly rounds: Drift["rounds"]; readonly run: string }) {
  const shown = rounds.length <= 12 ? rounds : [...rounds.slice(0, 6), ...rounds.slice(-6)];
  return (
    <div class="scroll">
      <table>
        <tbody>
          {shown.map(({ round, questions, beginnings }) => (
            <tr key={round}>
              <td class="n">
                <a
                  href={href({ run, screen: "episodes", params: { phase: "questioner", round: `${round}` } })}
                >
                  {round}
                </a>
              </td>
              <td class="n quiet">{whole(questions)}</td>
              {beginnings.map(({ text, share }) => (
                <td key={text}>
                  {visible(text)} … <span class="quiet">{percent(share)}</span>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
