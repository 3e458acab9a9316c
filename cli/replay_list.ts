import type { Command } from "commander";
import { VisplayError } from "../common/errors.ts";
import { numberRanges } from "../inspector/format.ts";
import { episodeTable } from "../inspector/terminal/episode_table.ts";
import type { EpisodeHead, EpisodeQuery } from "../replay/query.ts";
import { ReplayReader } from "../replay/reader.ts";
import { addFilters } from "./episode_filters.ts";
import { count, plural } from "./format.ts";
import { print, printLines, say, screenWidth } from "./terminal.ts";

interface ListFlags {
  readonly limit?: string;
  readonly json?: boolean;
}

/** Rows of a table, unless more are wanted. */
const ROWS = 20;

/** Episodes that are read at once. */
const BATCH = 500;

/** Adds `visplay replay list`: the episodes that filters match. */
export function addReplayList(replay: Command): void {
  const command = replay
    .command("list")
    .argument("<run>", "the run's folder")
    .description("list a run's episodes, the newest first; the filters are those of the page")
    .option("--limit <n>", `how many (default ${ROWS}; with --json all)`)
    .option("--json", "a line of JSON for each");
  const query = addFilters(command);
  command.action((folder: string, flags: ListFlags) => list(folder, query(), flags));
}

async function list(folder: string, query: EpisodeQuery, { limit, json = false }: ListFlags): Promise<void> {
  const most = limit === undefined ? (json ? Number.POSITIVE_INFINITY : ROWS) : wholeLimit(limit);
  using reader = ReplayReader.open(folder);
  const matching = reader.order(query);
  const ids = matching.subarray(0, Math.min(most, matching.length));
  const unread: number[] = [];
  const heads = headsOf(reader, ids, (id) => unread.push(id));
  if (json) await printLines(jsonLines(heads));
  else print(tableText([...heads], query, matching.length, screenWidth()));
  const lost = reader.lostEpisodes();
  unread.push(...lost);
  if (unread.length === 0) return;
  say(`cannot be read: episode ${numberRanges(unread, ROWS)}`);
  const total = plural(ids.length + lost.length, "episode");
  const found = `${count(unread.length)} of ${total} cannot be read`;
  throw new VisplayError("damaged", `${folder}: ${found}; \`visplay replay check\` says what is damaged`);
}

/** What lists show of these episodes, no more of it in memory than a batch; tells of those that cannot be read. */
function* headsOf(
  reader: ReplayReader,
  ids: Uint32Array,
  onDamage: (id: number) => void,
): Generator<EpisodeHead> {
  for (let at = 0; at < ids.length; at += BATCH) {
    const batch = [...ids.subarray(at, at + BATCH)];
    for (const [i, head] of reader.heads(batch).entries()) {
      if (head) yield head;
      else onDamage(batch[i] as number);
    }
  }
}

function* jsonLines(heads: Iterable<EpisodeHead>): Generator<string> {
  for (const head of heads) yield JSON.stringify(head);
}

function tableText(heads: readonly EpisodeHead[], query: EpisodeQuery, total: number, width: number): string {
  if (total === 0) return "no episode matches";
  const more = `${count(heads.length)} of ${plural(total, "episode")}; --limit shows more`;
  const end = heads.length < total ? more : plural(total, "episode");
  return `${episodeTable(heads, query, width)}\n\n${end}`;
}

function wholeLimit(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit > 0) return limit;
  throw new VisplayError("usage", `--limit: found ${text}, expected a whole number above 0`);
}
