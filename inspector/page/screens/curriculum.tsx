import { useEffect, useMemo, useRef } from "preact/hooks";
import type { CurriculumAnswer, CurriculumLine, Exporting } from "../../answers.ts";
import { decimal, plural, visible, whole } from "../../format.ts";
import { counted } from "../../lists.ts";
import { paths } from "../../paths.ts";
import { changed, go, href } from "../address.ts";
import { useKeys } from "../keys.ts";
import { useCloserAnswer } from "../loading.ts";
import { CurriculumItem } from "../parts/curriculum_item.tsx";
import { DamageNote } from "../parts/damage_note.tsx";
import { ExportDialog } from "../parts/export_dialog.tsx";
import { Select } from "../parts/filter_bar.tsx";
import { Thumbnail } from "../parts/picture.tsx";
import { ROW_HEIGHT, RowTable } from "../parts/row_table.tsx";
import { Empty, Problems, Waiting } from "../parts/states.tsx";
import { VoteBar } from "../parts/votes.tsx";
import type { ScreenProps } from "../screen.ts";
import { useVirtualRows } from "../virtual.ts";

/** What was asked for the curriculum of a round: what entered, what did not and why, and what became of it since. */
export function CurriculumScreen({ address: { run, params }, overview }: ScreenProps) {
  const rounds = overview.curricula.map(({ round }) => round);
  const asked = overview.counts.filter(({ phase, superseded }) => phase === "curriculum" && !superseded);
  const all = [...new Set([...rounds, ...asked.map(({ round }) => round)])].sort((a, b) => a - b);
  const round = Number(params.get("round") ?? all.at(-1) ?? 0);
  const curriculum = useCloserAnswer<CurriculumAnswer>(
    all.length === 0 ? null : (closeness) => paths.curriculum(run, round, closeness),
    isWhole,
    asked.find((each) => each.round === round)?.episodes,
  );
  const { value } = curriculum;
  if (all.length === 0) {
    return (
      <main>
        <Empty>
          Questions for the curriculum would be here, those that entered and those that did not. None was
          asked yet.
        </Empty>
      </main>
    );
  }
  return (
    <main class="fixed">
      <Bar
        run={run}
        params={params}
        all={all}
        round={round}
        value={value?.round === round && isWhole(value) ? value : undefined}
        exporting={overview.exporting}
      />
      <div>
        <Problems of={curriculum} />
        {value && <DamageNote episodes={value.damaged} />}
        <Waiting for={curriculum}>Reading round {round} …</Waiting>
      </div>
      {value ? <Lines run={run} params={params} value={value} overview={overview} /> : <div />}
    </main>
  );
}

/** Whether all that is ever shown of the round is there. */
function isWhole({ looked, shown }: CurriculumAnswer): boolean {
  return looked === shown;
}

/** Which of the questions are shown: by confidence, and by what became of them. */
function chosen(params: URLSearchParams, { questions }: CurriculumAnswer): CurriculumLine[] {
  const low = Number(params.get("low") ?? 0);
  const high = Number(params.get("high") ?? 1);
  const outcome = params.get("outcome") ?? "";
  return questions.filter(
    ({ verdict, rejection }) =>
      (outcome === "" || outcome === (rejection ?? "admitted")) &&
      (verdict === null ? low === 0 : verdict.confidence >= low && verdict.confidence <= high),
  );
}

interface BarProps {
  readonly run: string;
  readonly params: URLSearchParams;
  readonly all: readonly number[];
  readonly round: number;
  readonly value: CurriculumAnswer | undefined;
  readonly exporting: Exporting;
}

function Bar({ run, params, all, round, value, exporting }: BarProps) {
  const set = (changes: Readonly<Record<string, string>>, how: "push" | "replace" = "replace") =>
    go({ run, screen: "curriculum", params: changed(params, changes) }, how);
  const outcomes = useMemo(() => countOutcomes(value), [value]);
  const low = Number(params.get("low") ?? 0);
  const high = Number(params.get("high") ?? 1);
  const within = value?.questions.filter(
    ({ verdict }) => verdict !== null && verdict.confidence >= low && verdict.confidence <= high,
  );
  const admitted = within?.filter(({ rejection }) => rejection === null).length ?? 0;
  return (
    <div class="filters">
      <Select
        name="Round"
        value={`${round}`}
        options={all.map((each) => [`${each}`, `round ${each}`])}
        onChange={(next) => set({ round: next, at: "" }, "push")}
      />
      <Select
        name="What became of it"
        value={params.get("outcome") ?? ""}
        options={[
          ["", "all outcomes"],
          ...outcomes.map(([name, count]): [string, string] => [name, `${name} (${whole(count)})`]),
        ]}
        onChange={(outcome) => set({ outcome, at: "" })}
      />
      <Slider
        name="Confidence at least"
        value={low}
        onChange={(value) => set({ low: value === 0 ? "" : `${value}` })}
      />
      <Slider
        name="at most"
        value={high}
        onChange={(value) => set({ high: value === 1 ? "" : `${value}` })}
      />
      {within && value && (
        <span role="status">
          {plural(within.length, "question")} within, {whole(admitted)} of them admitted
          {value.looked < value.episodes && (
            <span class="quiet">
              {" "}
              (of {whole(value.looked)} of {plural(value.episodes, "picture")})
            </span>
          )}
        </span>
      )}
      {value && (
        <ExportDialog
          run={run}
          lines={chosen(params, value)}
          isWhole={value.looked === value.episodes}
          exporting={exporting}
          choice={{ round, low, high, outcomes: outcomesIn(params, outcomes) }}
        />
      )}
    </div>
  );
}

/** What became of the questions that are shown, those that entered first. */
function outcomesIn(params: URLSearchParams, outcomes: readonly [string, number][]): string[] {
  const picked = params.get("outcome");
  const names = outcomes.map(([name]) => name);
  return picked ? [picked] : [...new Set(["admitted", ...names])];
}

function countOutcomes(value: CurriculumAnswer | undefined): [string, number][] {
  const outcomes = (value?.questions ?? []).map(({ rejection }) => rejection ?? "admitted");
  return [...counted(outcomes)].sort(([, a], [, b]) => b - a);
}

interface SliderProps {
  readonly name: string;
  readonly value: number;
  readonly onChange: (value: number) => void;
}

function Slider({ name, value, onChange }: SliderProps) {
  return (
    <label class="band">
      <span>{name}</span>
      <input
        type="range"
        min={0}
        max={1}
        step={0.01}
        value={value}
        onInput={({ currentTarget }) => onChange(Number(currentTarget.value))}
      />
      <span class="n">{decimal(value)}</span>
    </label>
  );
}

interface LinesProps {
  readonly run: string;
  readonly params: URLSearchParams;
  readonly value: CurriculumAnswer;
  readonly overview: ScreenProps["overview"];
}

function Lines({ run, params, value, overview }: LinesProps) {
  const lines = useMemo(() => chosen(params, value), [String(params), value]);
  const box = useRef<HTMLDivElement>(null);
  const rows = useVirtualRows(box, lines.length, ROW_HEIGHT);
  const at = lines.findIndex((line) => keyOf(line) === params.get("at"));
  const select = (index: number) => {
    const line = lines[index];
    if (!line) return;
    rows.reveal(index);
    go({ run, screen: "curriculum", params: changed(params, { at: keyOf(line) }) }, "replace");
  };
  useKeys({
    j: () => select(Math.min(lines.length - 1, at + 1)),
    k: () => select(Math.max(0, at - 1)),
    Escape: () => go({ run, screen: "curriculum", params: changed(params, { at: "" }) }, "replace"),
  });
  useEffect(() => {
    if (at >= 0) rows.reveal(at);
  }, [value]);
  const template = "48px minmax(220px, 1fr) minmax(90px, 160px) 140px 70px 110px";
  const picked = lines[at];
  return (
    <div class={picked ? "split" : ""} style={{ minHeight: 0, display: "grid" }}>
      <RowTable
        box={box}
        rows={rows}
        label="Questions for the curriculum"
        template={template}
        total={lines.length}
        at={at}
        keyAt={(index) => keyOf(lines[index] as CurriculumLine)}
        head={
          <>
            <span role="columnheader" aria-label="Picture" />
            <span role="columnheader">question</span>
            <span role="columnheader">silver answer</span>
            <span role="columnheader">votes</span>
            <span role="columnheader" class="n">
              confidence
            </span>
            <span role="columnheader">outcome</span>
          </>
        }
        row={(index) => <Line run={run} params={params} line={lines[index] as CurriculumLine} />}
        empty="No question of this round is so; widen the band."
      />
      {picked && <CurriculumItem run={run} line={picked} overview={overview} />}
    </div>
  );
}

interface LineProps {
  readonly run: string;
  readonly params: URLSearchParams;
  readonly line: CurriculumLine;
}

function Line({ run, params, line }: LineProps) {
  const { image, question, failure, verdict, rejection, alike } = line;
  return (
    <>
      <span role="cell">
        <Thumbnail run={run} image={image} size={48} />
      </span>
      <span class="two" role="cell">
        <a
          class="cover"
          href={href({ run, screen: "curriculum", params: changed(params, { at: keyOf(line) }) })}
        >
          {question === null ? (
            <span class="quiet">{visible(failure ?? "no question")}</span>
          ) : (
            visible(question)
          )}
        </a>
        {alike.length > 0 && <div class="quiet">{plural(alike.length, "near duplicate")} entered, too</div>}
      </span>
      <span class="clip wide" role="cell">
        {visible(verdict?.silver ?? "–")}
      </span>
      <span class="wide" role="cell">
        <VoteBar verdict={verdict} />
      </span>
      <span class="n" role="cell">
        {decimal(verdict?.confidence)}
      </span>
      <span class={rejection === null ? "wide" : "wide quiet"} role="cell">
        {rejection ?? "admitted"}
      </span>
    </>
  );
}

function keyOf({ episode, rollout }: CurriculumLine): string {
  return `${episode}.${rollout}`;
}
