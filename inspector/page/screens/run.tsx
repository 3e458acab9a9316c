import { useMemo } from "preact/hooks";
import type { Alarm } from "../../../replay/events.ts";
import type { Histogram } from "../../../replay/survey.ts";
import type { Overview, StepSeries } from "../../answers.ts";
import { decimal, duration, figureName, moment, plural, whole } from "../../format.ts";
import { paths } from "../../paths.ts";
import { spreadFigures } from "../../spread_figures.ts";
import { go, href } from "../address.ts";
import { useAnswer } from "../loading.ts";
import { Asked } from "../parts/asked.tsx";
import { Causes } from "../parts/causes.tsx";
import { DamageNote } from "../parts/damage_note.tsx";
import { Fact } from "../parts/fact.tsx";
import { HistogramRows } from "../parts/histogram.tsx";
import { LearningPlot } from "../parts/learning.tsx";
import { Looking } from "../parts/looking.tsx";
import { type Line, Plot } from "../parts/plot.tsx";
import { Empty, Waiting } from "../parts/states.tsx";
import { TimeLine } from "../parts/time_line.tsx";
import type { ScreenProps } from "../screen.ts";

/** How a run went: its time line, what was learnt by round, and every figure by step. */
export function RunScreen({ address: { run }, overview, live }: ScreenProps) {
  const { line, alarms, counts, damage } = overview;
  const { about } = line;
  const condition = live.condition ?? line.condition;
  const evaluations = about?.evaluations ?? [];
  const report = evaluations.at(-1)?.report;
  const scores = report?.overall;
  const model = about?.models?.reasoner;
  return (
    <main>
      <h1>
        <span class={`dot ${condition ?? ""}`} />
        {condition ?? "state unknown"}
        {about && about.planned !== null && `, ${about.rounds} of ${plural(about.planned, "round")}`}
      </h1>
      <dl class="facts">
        <Fact name="greedy">{decimal(scores?.greedy.percent, 1)}%</Fact>
        <Fact name={`mean of ${report?.samples ?? 8}`}>{decimal(scores?.mean8.percent, 1)}%</Fact>
        <Fact name={`majority of ${report?.samples ?? 8}`}>{decimal(scores?.maj8.percent, 1)}%</Fact>
        <Fact name="episodes">{whole(about?.episodes ?? 0)}</Fact>
        <Fact name="images">{whole(about?.images ?? 0)}</Fact>
        <Fact name="model">
          {model ? `${model.modelType}, ${decimal(model.parameters / 1e6, 1)} M parameters` : "unknown"}
        </Fact>
        <Fact name="began">{moment(about?.startedMs ?? 0)}</Fact>
        <Fact name="so far">{duration((about?.lastMs ?? 0) - (about?.startedMs ?? 0))}</Fact>
      </dl>
      <DamageNote {...damage} />
      {alarms.length > 0 && (
        <section>
          <h2>Alarms</h2>
          {alarms.map((alarm) => (
            <p key={`${alarm.round} ${alarm.phase} ${alarm.name}`} class="problem">
              <AlarmPlace
                run={run}
                alarm={alarm}
                hasEpisodes={counts.some(({ phase }) => phase === alarm.phase)}
              />
              : {alarm.message}
            </p>
          ))}
        </section>
      )}
      <section>
        <h2>Time line</h2>
        <TimeLine run={run} overview={overview} />
      </section>
      <section>
        <h2>Learning</h2>
        {evaluations.length === 0 ? (
          <Empty>Evaluations on held-out questions would be here; this run has made none.</Empty>
        ) : (
          <LearningPlot overview={overview} run={run} />
        )}
      </section>
      <Asked run={run} overview={overview} />
      <Looking evaluations={evaluations} />
      <Causes run={run} evaluations={evaluations} steps={overview.steps} />
      <Steps run={run} overview={overview} />
      <section>
        <h2>How figures are spread, by round</h2>
        <p class="why">Each row is a round; a bin leads to its episodes.</p>
        {counts.length === 0 ? (
          <Empty>Nothing was recorded yet.</Empty>
        ) : (
          <div class="grid">
            {spreadFigures(overview).map(({ phase, name }) => (
              <Spread
                key={`${phase} ${name}`}
                run={run}
                phase={phase}
                name={name}
                version={about?.position ?? 0}
              />
            ))}
          </div>
        )}
      </section>
      <section>
        <h2>Configuration</h2>
        <details>
          <summary>All settings{overview.release && `, release ${overview.release}`}</summary>
          <pre class="raw">{JSON.stringify(overview.config, null, 2)}</pre>
        </details>
      </section>
    </main>
  );
}

/** Where an alarm was raised, leading to the episodes behind it; an evaluation has none. */
function AlarmPlace({
  run,
  alarm: { round, phase, step },
  hasEpisodes,
}: {
  readonly run: string;
  readonly alarm: Alarm;
  readonly hasEpisodes: boolean;
}) {
  const text = `Round ${round}, ${phase}`;
  if (!hasEpisodes) return <>{text}</>;
  const params = { phase, round: `${round}`, ...(step !== null && { step: `..${step}` }) };
  return <a href={href({ run, screen: "episodes", params })}>{text}</a>;
}

const stepFigures = [
  "reward",
  "confidence",
  "verified",
  "falseAccepts",
  "unearned",
  "entropy",
  "length",
  "turns",
  "unfinished",
  "faults",
  "calls",
  "failedCalls",
  "kl",
  "gradientNorm",
  "taught",
  "truncated",
  "parseFailures",
  "clusterShare",
  "tokensPerSecond",
];

const phaseColours: Readonly<Record<string, string>> = {
  questioner: "question",
  curriculum: "curriculum",
  reasoner: "answer",
};

/** Every figure that steps have, one plot for each, a line for each phase that has it. */
function Steps({ run, overview: { steps } }: { readonly run: string; readonly overview: Overview }) {
  const named = [...new Set(steps.flatMap(({ figures }) => Object.keys(figures)))].filter((name) =>
    /^(check|cause):/.test(name),
  );
  const names = [...stepFigures, ...named].filter((name) =>
    steps.some(({ figures }) => figures[name]?.some((value) => value !== null)),
  );
  return (
    <section>
      <h2>By step</h2>
      {names.length === 0 ? (
        <Empty>Figures of each step would be here; no step has ended yet.</Empty>
      ) : (
        <>
          <p class="legend">
            {steps.map(({ phase }) => (
              <span key={phase}>
                <i style={{ background: `var(--${phaseColours[phase] ?? "other"})` }} />
                {phase}
              </span>
            ))}
          </p>
          <div class="grid">
            {names.map((name) => (
              <StepPlot key={name} run={run} name={name} steps={steps} />
            ))}
          </div>
        </>
      )}
    </section>
  );
}

function StepPlot({
  run,
  name,
  steps,
}: {
  readonly run: string;
  readonly name: string;
  readonly steps: readonly StepSeries[];
}) {
  const { x, lines, at } = useMemo(() => merged(steps, name), [steps, name]);
  return (
    <Plot
      title={figureName(name)}
      x={x}
      lines={lines}
      place={(i) => `round ${at[i]?.round}, ${at[i]?.phase} ${at[i]?.step}`}
      onPick={(i) => {
        const place = at[i];
        if (place)
          go({
            run,
            screen: "episodes",
            params: {
              phase: place.phase,
              round: `${place.round}`,
              step: `${place.step}`,
              sort: "time",
              ...(name.startsWith("cause:") && { [name]: "1.." }),
            },
          });
      }}
    />
  );
}

/** The steps of all phases that have a figure, in the order in which they were played. */
function merged(steps: readonly StepSeries[], name: string) {
  const own = steps.filter(({ figures }) => figures[name]?.some((value) => value !== null));
  const at = own
    .flatMap(({ phase, event, round, step, figures }) =>
      event.map((id, i) => ({
        id,
        phase,
        round: round[i] as number,
        step: step[i] as number,
        value: figures[name]?.[i] ?? null,
      })),
    )
    .sort((a, b) => a.id - b.id);
  const lines = own.map(
    ({ phase }): Line => ({
      name: phase,
      colour: phaseColours[phase] ?? "other",
      values: at.map((point) => (point.phase === phase ? point.value : null)),
    }),
  );
  return { x: at.map((_, i) => i + 1), lines, at };
}

function Spread({
  run,
  phase,
  name,
  version,
}: {
  readonly run: string;
  readonly phase: string;
  readonly name: string;
  readonly version: number;
}) {
  const loading = useAnswer<Histogram | null>(paths.histogram(run, phase, name), Math.floor(version / 1000));
  const title = `${phase}: ${figureName(name)}`;
  if (!loading.value) return <Waiting for={loading}>{title} …</Waiting>;
  return (
    <HistogramRows
      title={title}
      histogram={loading.value}
      linkTo={(round, min, max) =>
        href({ run, screen: "episodes", params: { phase, round: `${round}`, [name]: `${min}..${max}` } })
      }
    />
  );
}
