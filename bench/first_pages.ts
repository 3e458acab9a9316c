import type { EpisodeQuery, Figure } from "../replay/query.ts";
import type { ReplayReader } from "../replay/reader.ts";
import { figureColumns } from "../replay/schema.ts";

/** One first page: what was asked for, how long it took, and how many episodes came. */
export interface FirstPage {
  readonly name: string;
  readonly ms: number;
  readonly episodes: number;
}

/** A page to look at. */
interface PageQuery {
  readonly name: string;
  readonly query: EpisodeQuery;
}

/** Looks at the first page of each query. */
export function firstPages(
  reader: ReplayReader,
  queries: readonly PageQuery[] = pageQueries(reader),
): FirstPage[] {
  return queries.map(({ name, query }) => {
    const startedMs = performance.now();
    const { episodes } = reader.episodes(query);
    return { name, ms: performance.now() - startedMs, episodes: episodes.length };
  });
}

/** Every order, every filter in newest-first order, and every order under each of the filters. */
export function pageQueries(reader: ReplayReader): PageQuery[] {
  const figures = figuresOf(reader);
  const filters = Object.entries({ everything: {}, ...filtersOf(reader, figures) });
  return filters.flatMap(([filter, query]) =>
    (["time", ...figures] as const).flatMap((by) =>
      (["descending", "ascending"] as const).map((order) => ({
        name: `${filter}, ${order} ${by}`,
        query: { ...query, sort: { by, order } },
      })),
    ),
  );
}

function figuresOf(reader: ReplayReader): Figure[] {
  const named = new Set(reader.figures().map(({ name }) => name as Figure));
  return [...(Object.keys(figureColumns) as Figure[]), ...named];
}

/** Filters that match nearly all, some, and few episodes, alone and together. */
function filtersOf(reader: ReplayReader, figures: readonly Figure[]): Record<string, EpisodeQuery> {
  const counts = reader.counts();
  const middle = counts[counts.length >> 1]?.round ?? 1;
  const page = reader.episodes({ limit: 1 }).episodes[0];
  const inMiddle = (figure: Figure) => {
    const keyed = { sort: { by: figure, order: "descending" }, limit: 1 } as const;
    const greatest = figureIn(reader.episodes(keyed).episodes[0], figure);
    const least = figureIn(
      reader.episodes({ ...keyed, sort: { by: figure, order: "ascending" } }).episodes[0],
      figure,
    );
    return (greatest + least) / 2;
  };
  const halves = figures.flatMap((figure): [string, EpisodeQuery][] => {
    const value = inMiddle(figure);
    return [
      [`upper half of ${figure}`, { ranges: { [figure]: { min: value } } }],
      [`lower half of ${figure}`, { ranges: { [figure]: { max: value } } }],
    ];
  });
  return {
    "Questioner's": { role: "questioner" },
    "curriculum phase": { phases: ["curriculum"] },
    "Reasoner's": { role: "reasoner" },
    "one round": { ranges: { round: { min: middle, max: middle } } },
    "cut off": { finishReason: "length" },
    ended: { finishReason: "stop" },
    "one image": { image: page?.image.id ?? "" },
    "a common word": { text: "red" },
    "two common words": { text: "red triangle" },
    "a phrase": { text: '"red star" "left of"' },
    "a rare word": { text: "word1234" },
    "a beginning": { text: "word12*" },
    "no such word": { text: "nowhere" },
    "good and doubted": { ranges: { reward: { min: 0.9 }, confidence: { max: 0.25 } } },
    "common word, cut off, later half": {
      text: "red",
      finishReason: "length",
      ranges: { round: { min: middle } },
    },
    "long and bad": { ranges: { length: { min: 39 }, reward: { max: 0.2 } }, role: "reasoner" },
    ...Object.fromEntries(halves),
  };
}

function figureIn(
  head: ReturnType<ReplayReader["episodes"]>["episodes"][number] | undefined,
  figure: Figure,
): number {
  if (!head) return 0;
  if (figure in head.measures) return head.measures[figure] ?? 0;
  if (figure === "questionerVersion") return head.versions.questioner ?? 0;
  if (figure === "reasonerVersion") return head.versions.reasoner ?? 0;
  return (head[figure as "reward"] as number | null) ?? 0;
}
