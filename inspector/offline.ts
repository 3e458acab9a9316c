import { createHash } from "node:crypto";
import { basename } from "node:path";
import { VisplayError } from "../common/errors.ts";
import type { EpisodeQuery } from "../replay/query.ts";
import type { EpisodeAnswer, Overview, RunLine, TextsAnswer } from "./answers.ts";
import { completionsOf } from "./completions.ts";
import type { FileContent } from "./file_content.ts";
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
  /** Told how far it is. */
  readonly progress?: (done: number, total: number) => void;
}

/** One file that holds the inspector of a run, and what was left out of it. */
export interface OfflineFile {
  readonly html: string;
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
 * A run as one HTML file that opens without a server: its figures, and the episodes that a query selects, in its order, as
 * many as there is room for. Throws "usage" where there is none even for the figures.
 */
export async function offlineFile(folder: string, options: OfflineOptions): Promise<OfflineFile> {
  const { query, mostBytes, surroundings, progress } = options;
  const queries = new Queries();
  try {
    const key = basename(folder);
    const { about, ...told } = queries.overview(folder);
    const line: RunLine = {
      key,
      folder: key,
      condition: await surroundings.condition(folder),
      about,
      problem: null,
    };
    const overview: Overview = { line, exporting: surroundings.exporting(key), ...told };
    const answers: Record<string, unknown> = { [paths.runs]: [line], [paths.run(key)]: overview };
    const { script, style } = pageTexts();
    const room = new Room(mostBytes, [script, style, JSON.stringify(answers)]);
    const add = (path: string, answer: unknown) => {
      if (room.takes(JSON.stringify([path, answer]))) answers[path] = answer;
    };
    for (const { phase, name } of spreadFigures(overview)) {
      const selection = { folder, query: { phases: [phase] } };
      add(paths.histogram(key, phase, name), queries.histogram(selection, name as never, 20));
    }
    add(paths.drift(key, "look"), queries.drift(folder, "look"));
    const curricula = room.part(SHARE_OF_ROUNDS);
    for (const { round } of overview.curricula.toReversed()) {
      const curriculum = queries.curriculum(folder, round);
      if (!curricula.takes(JSON.stringify(curriculum))) break;
      add(paths.curriculum(key, round), curriculum);
    }

    const ids = queries.order({ folder, query });
    const episodes: EpisodeAnswer[] = [];
    const images: Record<string, string> = {};
    for (const id of ids) {
      const episode = queries.episode(folder, id);
      const { image } = episode.event;
      const texts = await textsOf(surroundings, overview.config, episode);
      const picture = images[image.id] ?? (await dataAddress(queries.image(folder, image.id), surroundings));
      if (!room.takes(JSON.stringify(episode), JSON.stringify(texts), images[image.id] ? "" : picture)) break;
      images[image.id] = picture;
      answers[paths.texts(key, id)] = texts;
      episodes.push(episode);
      progress?.(episodes.length, ids.length);
    }
    const held = new Set(episodes.map(({ head }) => head.id));
    const content: FileContent = {
      answers,
      episodes: episodes.map((episode) => ({
        ...episode,
        kin: episode.kin.filter(({ id }) => held.has(id)),
      })),
      images,
    };
    const html = htmlOf(script, style, content, key);
    return { html, episodes: episodes.length, of: ids.length, bytes: Buffer.byteLength(html) };
  } finally {
    queries.close();
  }
}

/** Bytes that are left. */
class Room {
  #left: number;

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
    surroundings.template(config, event.prompt),
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

/** The page with its content; what models wrote stands in JSON in which no tag can begin. */
function htmlOf(script: string, style: string, content: FileContent, title: string): string {
  const hash = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  const json = JSON.stringify(content).replaceAll("<", "\\u003c");
  // A script may not hold its own end, nor the beginning of a comment.
  const code = script.replaceAll("</script", "<\\/script").replaceAll("<!--", "\\x3c!--");
  const policy = `default-src 'none'; script-src ${hash(code)}; style-src ${hash(style)}; img-src data:`;
  return `<!doctype html>
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
<script type="application/json" id="content">${json}</script>
<script type="module">${code}</script>
</body>
</html>
`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
