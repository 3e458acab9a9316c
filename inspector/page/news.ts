import { useCallback, useMemo, useState } from "preact/hooks";
import type { EpisodePage } from "../../replay/query.ts";
import { paths } from "../paths.ts";
import type { EpisodeList } from "./episode_list.ts";
import { useAnswer } from "./loading.ts";
import { useRest } from "./rest.ts";

const MOST = 100;

/** How many episodes that a list would show have come since it was made; asked as the run goes on. */
export function useNews(run: string, filters: URLSearchParams, list: EpisodeList, position: number): number {
  const newest = useMemo(() => newestOf(list), [list]);
  const [asked, setAsked] = useState(0);
  const isAsked = asked > 0 && newest !== null;
  // What is wrong, the list itself says.
  const { value, isCurrent, failure } = useAnswer<EpisodePage>(
    isAsked ? paths.episodes(run, since(newest, filters)) : null,
    asked,
  );
  const ask = useCallback(() => setAsked(position), [position]);
  useRest(!isAsked || isCurrent || failure !== undefined, position > asked, ask);
  return value && newest !== null ? value.episodes.filter(({ id }) => id > newest).length : 0;
}

/** The query for those after an episode. */
function since(episode: number, filters: URLSearchParams): string {
  const query = new URLSearchParams(filters);
  query.set("sort", "time");
  query.set("cursor", `${episode}:${episode}`);
  query.set("limit", `${MOST}`);
  return String(query);
}

/** The last episode of a list; null until all are known. */
function newestOf(list: EpisodeList): number | null {
  if (list.total === null || list.isOld) return null;
  let newest = 0;
  for (let i = 0; i < list.length; i++) newest = Math.max(newest, list.idAt(i) as number);
  return newest;
}
