import type { EpisodeQuery, Range } from "../replay/query.ts";

/**
 * An episode query as names and texts: what an address says after its question mark, and what the options of the terminal
 * are called. Several stages or phases are said one by one: `phase=questioner&phase=curriculum`. Everything that is not a
 * name below is a figure with its range: `reward=0.2..0.8`, `part:agreement=1`.
 */

/** Names that are no figures. */
export const filterNames: readonly string[] = [
  "stage",
  "phase",
  "role",
  "superseded",
  "ended",
  "image",
  "text",
  "sort",
  "cursor",
  "limit",
];

/** The query that an address asks for. What makes no sense is left to the replay, which says so. */
export function queryOf(params: URLSearchParams): EpisodeQuery {
  const text = (name: string) => params.get(name) ?? undefined;
  const all = (name: string) => (params.has(name) ? params.getAll(name) : undefined);
  const ranges = [...params].filter(([name]) => !filterNames.includes(name));
  const sort = text("sort");
  const limit = text("limit");
  return {
    stages: all("stage"),
    phases: all("phase"),
    role: text("role"),
    superseded: text("superseded") as EpisodeQuery["superseded"],
    finishReason: text("ended") as EpisodeQuery["finishReason"],
    image: text("image"),
    text: text("text"),
    ...(ranges.length > 0 && {
      ranges: Object.fromEntries(ranges.map(([name, range]) => [name, rangeOf(range)])),
    }),
    sort: sort === undefined ? undefined : sortOf(sort),
    cursor: text("cursor"),
    limit: limit === undefined ? undefined : Number(limit),
  };
}

/** The address of a query: the inverse of `queryOf`. */
export function paramsOf(query: EpisodeQuery): URLSearchParams {
  const { stages, phases, role, superseded, finishReason, image, text, ranges, sort, cursor, limit } = query;
  const order = sort && (sort.order === "descending" ? `-${sort.by}` : sort.by);
  const named = {
    role,
    superseded,
    ended: finishReason,
    image,
    text,
    sort: order,
  };
  const all = [
    ...(stages ?? []).map((stage) => ["stage", stage] as const),
    ...(phases ?? []).map((phase) => ["phase", phase] as const),
    ...Object.entries({ ...named, cursor, limit: limit?.toString() }),
    ...Object.entries(ranges ?? {}).map(([name, range]) => [name, rangeText(range)] as const),
  ];
  return new URLSearchParams(
    all.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as [string, string]])),
  );
}

/** "-reward" is the greatest first, "reward" the smallest. */
function sortOf(text: string): EpisodeQuery["sort"] {
  const isDescending = text.startsWith("-");
  type By = NonNullable<EpisodeQuery["sort"]>["by"];
  return {
    by: (isDescending ? text.slice(1) : text) as By,
    order: isDescending ? "descending" : "ascending",
  };
}

/** "0.2..0.8", "..0.5", "3.." or one value; NaN, which the replay refuses, for what is no number. */
export function rangeOf(text: string): Range {
  const bounds = text.split("..");
  const [min, max] = bounds.length === 1 ? [text, text] : bounds.length === 2 ? bounds : ["NaN", "NaN"];
  return {
    ...(min?.trim() && { min: Number(min) }),
    ...(max?.trim() && { max: Number(max) }),
  };
}

export function rangeText({ min, max }: Range): string {
  return min !== undefined && min === max ? `${min}` : `${min ?? ""}..${max ?? ""}`;
}
