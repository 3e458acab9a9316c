import { VisplayError } from "../common/errors.ts";
import type { EpisodeHead, EpisodeQuery } from "../replay/query.ts";
import type { ReplayReader } from "../replay/reader.ts";

/** The first episodes of a query; where some of them are damaged, those that are not. */
export function readableEpisodes(
  reader: ReplayReader,
  query: EpisodeQuery & { readonly limit: number },
): readonly EpisodeHead[] {
  try {
    return reader.episodes(query).episodes;
  } catch (error) {
    if (!(error instanceof VisplayError) || error.code !== "damaged") throw error;
    return reader.heads([...reader.order(query).subarray(0, query.limit)]).flatMap((head) => head ?? []);
  }
}
