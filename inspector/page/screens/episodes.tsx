import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { EpisodeHead } from "../../../replay/query.ts";
import { brief, decimal, figureName, plural, visible, whole } from "../../format.ts";
import { figureOf } from "../../select.ts";
import { changed, go, href } from "../address.ts";
import { useEpisodeList } from "../episode_list.ts";
import { useKeys } from "../keys.ts";
import { useNews } from "../news.ts";
import { DamageNote } from "../parts/damage_note.tsx";
import { FilterBar, filtersOf } from "../parts/filter_bar.tsx";
import { Thumbnail } from "../parts/picture.tsx";
import { ROW_HEIGHT, RowTable } from "../parts/row_table.tsx";
import { Problems } from "../parts/states.tsx";
import { ViewMenu } from "../parts/view_menu.tsx";
import type { EarlyScreenProps } from "../screen.ts";
import { useVirtualRows } from "../virtual.ts";

const usual = ["reward", "confidence", "advantage", "length"];

/** A table of episodes of any length. */
export function EpisodesScreen({ address: { run, params }, overview, live }: EarlyScreenProps) {
  const [version, setVersion] = useState(0);
  const filters = filtersOf(params);
  const list = useEpisodeList(run, String(filters), version);
  const news = useNews(run, filters, list, live.position);
  const box = useRef<HTMLDivElement>(null);
  const rows = useVirtualRows(box, list.length, ROW_HEIGHT);
  const columns = params.get("columns")?.split(",") ?? usual;
  const selected = Number(params.get("at") ?? Number.NaN);
  const at = Number.isNaN(selected) ? -1 : list.indexOf(selected);
  const select = (index: number) => {
    const id = list.idAt(index);
    if (id === undefined || list.isOld) return;
    rows.reveal(index);
    go({ run, screen: "episodes", params: changed(params, { at: `${id}` }) }, "replace");
  };
  const linkTo = (id: number) => href({ run, screen: "episodes", id: `${id}`, params: filters });
  useKeys({
    j: () => select(Math.min(list.length - 1, at + 1)),
    k: () => select(Math.max(0, at - 1)),
    Enter: () => at >= 0 && go({ run, screen: "episodes", id: `${selected}`, params: filters }),
  });
  const [first, last] = [rows.items[0]?.index ?? 0, rows.items.at(-1)?.index ?? 0];
  useEffect(() => list.show(first, last), [list, first, last]);
  useLayoutEffect(() => {
    if (at >= 0) rows.reveal(at);
    else if (box.current) box.current.scrollTop = 0;
  }, [String(filters), version]);
  const template = `48px minmax(220px, 1fr) minmax(90px, 160px) 120px ${columns.map(() => "108px").join(" ")}`;
  return (
    <main class="fixed">
      <FilterBar run={run} params={params} overview={overview}>
        <ColumnMenu
          run={run}
          params={params}
          columns={columns}
          names={(overview?.figures ?? []).map(({ name }) => name)}
        />
        <ViewMenu run={run} params={params} />
      </FilterBar>
      <div>
        <Problems of={list} />
        {overview && <DamageNote episodes={overview.damage.episodes} />}
        {news > 0 ? (
          <div class="note" role="status">
            {news >= 100 ? "100 or more" : news} new {news === 1 ? "episode" : "episodes"}
            <button type="button" onClick={() => setVersion(live.position)}>
              Show
            </button>
          </div>
        ) : (
          <p class="tail" role="status">
            {list.total === null ? `the first ${list.length} …` : plural(list.total, "episode")}
          </p>
        )}
      </div>
      <RowTable
        box={box}
        rows={rows}
        label="Episodes"
        template={template}
        total={list.total ?? -1}
        at={at}
        isOld={list.isOld}
        keyAt={(index) => list.idAt(index) ?? index}
        head={
          <>
            <span role="columnheader" aria-label="Picture" />
            <span role="columnheader">question</span>
            <span role="columnheader">label</span>
            <Sorter name="time" run={run} params={params} align="left" />
            {columns.map((name) => (
              <Sorter key={name} name={name} run={run} params={params} align="right" />
            ))}
          </>
        }
        row={(index) => (
          <Row run={run} head={list.headAt(index)} columns={columns} link={linkTo(list.idAt(index) ?? 0)} />
        )}
        empty={
          overview?.counts.length === 0
            ? "Episodes would be here; none was recorded yet."
            : "No episode is so; take a filter away."
        }
      />
    </main>
  );
}

interface RowProps {
  readonly run: string;
  readonly head: EpisodeHead | null | undefined;
  readonly columns: readonly string[];
  readonly link: string;
}

function Row({ run, head, columns, link }: RowProps) {
  if (!head) {
    return (
      <>
        <span class="nopicture" role="cell" />
        <span class="quiet" role="cell">
          {head === null ? "this episode is damaged" : "…"}
        </span>
      </>
    );
  }
  const { image, question, label, phase, round, step, superseded } = head;
  return (
    <>
      <span role="cell">
        <Thumbnail run={run} image={image} size={48} />
      </span>
      <span class="two" role="cell">
        <a class="cover" href={link}>
          {question === null ? <span class="quiet">no question that could be read</span> : visible(question)}
        </a>
        <div class="quiet">
          {rolloutsText(head)}
          <Faults head={head} />
          {superseded && " · superseded"}
        </div>
      </span>
      <span class="clip wide" role="cell">
        {label === null ? "" : visible(label)}
      </span>
      <span class="two wide" role="cell">
        <div>{phase}</div>
        <div class="quiet">
          round {whole(round)} · {whole(step)}
        </div>
      </span>
      {columns.map((name, i) => (
        <span key={name} class={`n ${i === 0 ? "" : "wide"}`} role="cell">
          <FigureCell name={name} value={figureOf(head, name)} />
        </span>
      ))}
    </>
  );
}

function rolloutsText({ type, rollouts, measures }: EpisodeHead): string {
  if (type !== "reasonerEpisode") return plural(rollouts, "question");
  const turns = measures["trajectory:turns"];
  if (turns === undefined) return plural(rollouts, "answer");
  return `${plural(rollouts, "rollout")} · ${brief(turns)} ${turns === 1 ? "turn" : "turns"}`;
}

function Faults({ head: { measures } }: { readonly head: EpisodeHead }) {
  const { "trajectory:faults": faults = 0 } = measures;
  return faults > 0 ? <span class="bad"> · {plural(faults, "fault")}</span> : null;
}

/** A share as a bar and a number, any other figure as a number. */
function FigureCell({ name, value }: { readonly name: string; readonly value: number | null }) {
  const isShare =
    name === "reward" ||
    name === "confidence" ||
    /^(part:|check:|trajectory:(success|unfinished)$)/.test(name);
  if (value === null) return <span class="quiet">–</span>;
  if (!isShare) return <>{Number.isInteger(value) ? whole(value) : decimal(value)}</>;
  return (
    <span class="meter">
      <i style={{ "--share": Math.min(1, Math.max(0, value)) }} />
      {value > 1 || value < 0 ? brief(value) : decimal(value)}
    </span>
  );
}

interface SorterProps {
  readonly name: string;
  readonly run: string;
  readonly params: URLSearchParams;
  readonly align: "left" | "right";
}

/** A column's head: greatest first, then smallest first, then by time again. */
function Sorter({ name, run, params, align }: SorterProps) {
  const sort = params.get("sort") ?? "-time";
  const direction = sort === name ? "ascending" : sort === `-${name}` ? "descending" : undefined;
  const next = direction === undefined ? `-${name}` : direction === "descending" ? name : "";
  return (
    <span role="columnheader" aria-sort={direction ?? "none"} class={align === "right" ? "n" : ""}>
      <button
        type="button"
        onClick={() => go({ run, screen: "episodes", params: changed(params, { sort: next, at: "" }) })}
      >
        {name === "time" ? "when" : figureName(name)}
        {direction === "ascending" ? " ↑" : direction === "descending" ? " ↓" : ""}
      </button>
    </span>
  );
}

interface ColumnMenuProps {
  readonly run: string;
  readonly params: URLSearchParams;
  readonly columns: readonly string[];
  /** Figures of this run beside those that every episode has. */
  readonly names: readonly string[];
}

function ColumnMenu({ run, params, columns, names }: ColumnMenuProps) {
  const all = [...new Set([...usual, "truncated", "questionerVersion", "reasonerVersion", ...names])];
  const toggle = (name: string) => {
    const next = columns.includes(name) ? columns.filter((each) => each !== name) : [...columns, name];
    const text = next.join() === usual.join() ? "" : next.join();
    go({ run, screen: "episodes", params: changed(params, { columns: text }) }, "replace");
  };
  return (
    <details class="menu">
      <summary>Columns</summary>
      <div>
        {all.map((name) => (
          <label key={name}>
            <input type="checkbox" checked={columns.includes(name)} onChange={() => toggle(name)} />{" "}
            {figureName(name)}
          </label>
        ))}
      </div>
    </details>
  );
}
