import { createHash } from "node:crypto";
import { basename } from "node:path";
import { VisplayError } from "../common/errors.ts";
import type { EpisodeQuery } from "../replay/query.ts";
import { imagesNamedBy, promptTurnsOf, templateToolsOf } from "../replay/turns.ts";
import type { EpisodeAnswer, Overview, RunLine, TextsAnswer } from "./answers.ts";
import { completionsOf } from "./completions.ts";
import type { FilePart } from "./file_content.ts";
import { pageTexts } from "./page_files.ts";
import { paths } from "./paths.ts";
import { Queries } from "./queries.ts";
import { spreadFigures } from "./spread_figures.ts";
import type { Surroundings } from "./surroundings.ts";

export interface OfflineOptions {
  readonly query: EpisodeQuery;
  /** Bytes that the file may have. */
  readonly mostBytes: number;
  readonly surroundings: Surroundings;
  readonly signal?: AbortSignal;
  /** Told how far it is. */
  readonly progress?: (done: number, total: number) => void;
}

/** What a file that holds the inspector of a run has come to, and what was left out of it. */
export interface OfflineFile {
  readonly episodes: number;
  /** Episodes that the query matches. */
  readonly of: number;
  readonly bytes: number;
}

/** Longest side of an image in the file, pixels. */
const IMAGE_SIZE = 512;

/** Of the room, what may go to all that is not an episode. */
const SHARE_OF_ROUNDS = 0.3;

/**
 * Writes a run as one HTML file that opens without a server: its figures, and the episodes that a query selects, in its
 * order, as many as there is room for. The text is given part by part, so that none of it is held. Throws "usage" where
 * there is no room even for the figures.
 */
export async function writeOffline(
  folder: string,
  { query, mostBytes, surroundings, signal, progress }: OfflineOptions,
  write: (text: string) => Promise<void>,
): Promise<OfflineFile> {
  const queries = new Queries();
  try {
    const key = basename(folder);
    const { about, ...told } = queries.overview(folder);
    const condition = await surroundings.condition(folder);
    const line: RunLine = { key, folder: key, condition, about, problem: null };
    const overview: Overview = { line, exporting: surroundings.exporting(key), ...told };
    const frame = frameOf(key);
    const first = embedded({ answers: { [paths.runs]: [line], [paths.run(key)]: overview } });
    const room = new Room(mostBytes, [frame.before, first, frame.after]);
    await write(`${frame.before}${first}`);
    const add = async (part: FilePart, within: Room = room): Promise<boolean> => {
      const text = `,\n${embedded(part)}`;
      if (!within.takes(text) || (within !== room && !room.takes(text))) return false;
      await write(text);
      return true;
    };
    for (const { phase, name } of spreadFigures(overview)) {
      const found = queries.histogram({ folder, query: { phases: [phase] } }, name as never, 20);
      await add({ answers: { [paths.histogram(key, phase, name)]: found } });
    }
    await add({ answers: { [paths.drift(key, "look")]: queries.drift(folder, "look") } });
    const curricula = room.part(SHARE_OF_ROUNDS);
    for (const { round } of overview.curricula.toReversed()) {
      const answers = { [paths.curriculum(key, round, "look")]: queries.curriculum(folder, round, "look") };
      if (!(await add({ answers }, curricula))) break;
    }

    const ids = queries.order({ folder, query });
    const held = new Set<string>();
    let episodes = 0;
    for (const id of ids) {
      signal?.throwIfAborted();
      const episode = { ...queries.episode(folder, id), kin: [] };
      const shown = new Set(imagesNamedBy(episode.event).filter((image) => !held.has(image)));
      const answers = { [paths.texts(key, id)]: await textsOf(surroundings, overview.config, episode) };
      const images: Record<string, string> = {};
      for (const image of shown)
        images[image] = await dataAddress(queries.image(folder, image), surroundings);
      if (!(await add({ answers, episodes: [episode], images }))) break;
      for (const image of shown) held.add(image);
      episodes++;
      progress?.(episodes, ids.length);
    }
    await write(frame.after);
    return { episodes, of: ids.length, bytes: mostBytes - room.left };
  } finally {
    queries.close();
  }
}

/** Bytes that are left. */
class Room {
  #left: number;

  get left(): number {
    return this.#left;
  }

  /** Throws "usage" where that which cannot be left out has no room. */
  constructor(bytes: number, fixed: readonly string[]) {
    this.#left = bytes - fixed.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    if (this.#left < 0) {
      const found = `the figures of this run alone need ${bytes - this.#left} bytes`;
      throw new VisplayError("usage", `--limit: ${found}, found ${bytes}`);
    }
  }

  /** A share of it, counted apart. */
  part(share: number): Room {
    return new Room(this.#left * share, []);
  }

  /** Takes room for all of the texts, or for none. */
  takes(...texts: readonly string[]): boolean {
    const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }
}

async function textsOf(
  surroundings: Surroundings,
  config: unknown,
  { event }: EpisodeAnswer,
): Promise<TextsAnswer> {
  const [template, pieces] = await Promise.all([
    surroundings.template(config, promptTurnsOf(event), templateToolsOf(event)),
    surroundings.pieces(
      config,
      completionsOf(event).map(({ tokens }) => tokens),
    ),
  ]);
  return { template, pieces };
}

/** An image as an address that holds it; empty where it is missing or damaged. */
async function dataAddress(path: string | null, surroundings: Surroundings): Promise<string> {
  if (path === null) return "";
  const picture = await surroundings.picture(path, IMAGE_SIZE).catch(() => null);
  return picture === null
    ? ""
    : `data:${picture.type};base64,${Buffer.from(picture.bytes).toString("base64")}`;
}

/** A part of the content as it stands in the page: JSON in which no tag can begin. */
function embedded(part: FilePart): string {
  return JSON.stringify(part).replaceAll("<", "\\u003c");
}

/** The page before its content and after it. */
function frameOf(title: string): { readonly before: string; readonly after: string } {
  const { script, style } = pageTexts();
  const hash = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  // A script may not hold its own end, nor the beginning of a comment.
  const code = script.replaceAll("</script", "<\\/script").replaceAll("<!--", "\\x3c!--");
  const policy = `default-src 'none'; script-src ${hash(code)}; style-src ${hash(style)}; img-src data:`;
  const before = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
<div id="page"></div>
<script type="application/json" id="content">[`;
  const after = `]</script>
<script type="module">${code}</script>
</body>
</html>
`;
  return { before, after };
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
