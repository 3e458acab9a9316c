import { useEffect, useMemo, useState } from "preact/hooks";
import type { EpisodePage } from "../../replay/query.ts";
import { paths } from "../paths.ts";
import type { EpisodeList } from "./episode_list.ts";
import { source } from "./source.ts";

const MOST = 100;

/** How many episodes that a list would show have come since it was made; asked as the run goes on. */
export function useNews(run: string, filters: URLSearchParams, list: EpisodeList, position: number): number {
  const [news, setNews] = useState(0);
  const query = new URLSearchParams(filters);
  query.set("sort", "-time");
  query.set("limit", `${MOST}`);
  const newest = useMemo(() => newestOf(list), [list]);
  useEffect(() => {
    if (position === 0 || newest === null || source.live === null) {
      setNews(0);
      return;
    }
    const controller = new AbortController();
    source
      .json<EpisodePage>(paths.episodes(run, String(query)), controller.signal)
      .then(({ episodes }) => setNews(episodes.filter(({ id }) => id > newest).length))
      .catch(() => {}); // the list itself says what is wrong
    return () => controller.abort();
  }, [run, String(query), newest, position]);
  return news;
}

/** The last episode of a list; null until all are known. */
function newestOf(list: EpisodeList): number | null {
  if (list.total === null || list.isOld) return null;
  let newest = 0;
  for (let i = 0; i < list.length; i++) newest = Math.max(newest, list.idAt(i) as number);
  return newest;
}
