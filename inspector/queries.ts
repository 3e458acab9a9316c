import { statSync } from "node:fs";
import { join } from "node:path";
import { VisplayError } from "../common/errors.ts";
import type { EpisodeHead, EpisodePage, EpisodeQuery, Figure } from "../replay/query.ts";
import { ReplayReader } from "../replay/reader.ts";
import { REPLAY_NAME } from "../replay/schema.ts";
import type { Histogram } from "../replay/survey.ts";
import type { Closeness, Comparison, CurriculumAnswer, Drift, EpisodeAnswer, Fate } from "./answers.ts";
import { comparisonOf } from "./comparison.ts";
import { curriculumOf, fateOf } from "./curriculum.ts";
import { driftOf } from "./drift.ts";
import { configOf, FollowedOverview, type Told } from "./overview.ts";

/** Other episodes about an image that are shown beside one. */
const SHOWN_KIN = 50;

/** Answers that take long to find, and are kept. */
const KEPT = 32;

/** A run's folder, and which of its episodes. */
export interface Selection {
  readonly folder: string;
  readonly query: EpisodeQuery;
}

/** Answers questions about runs by their folders. Replays stay open; one that was replaced is opened anew. */
export class Queries {
  readonly #open = new Map<string, { readonly inode: number; readonly reader: ReplayReader }>();
  readonly #overviews = new WeakMap<ReplayReader, FollowedOverview>();
  /** What was found last of each kind, while no event came since. */
  readonly #found = new Map<
    string,
    { readonly reader: ReplayReader; readonly position: number; readonly value: unknown }
  >();

  /** The number of the last event. */
  position(folder: string): number {
    return this.#reader(folder).state.position;
  }

  overview(folder: string): Told {
    return this.#once(`overview ${folder}`, folder, (reader) => this.#overviewOf(reader).tell());
  }

  /** The configuration that the run began, or last went on, with. */
  config(folder: string): unknown {
    return this.#once(`config ${folder}`, folder, configOf);
  }

  episodes({ folder, query }: Selection): EpisodePage {
    return this.#reader(folder).episodes(query);
  }

  order({ folder, query }: Selection): Uint32Array {
    return this.#reader(folder).order(query);
  }

  heads(folder: string, ids: readonly number[]): readonly (EpisodeHead | null)[] {
    return this.#reader(folder).heads(ids);
  }

  /** Throws "usage" where there is none, "damaged" where it cannot be read. */
  episode(folder: string, id: number): EpisodeAnswer {
    const reader = this.#reader(folder);
    const found = reader.episode(id);
    const [head] = reader.heads([id]);
    if (!found || !head) throw new VisplayError("usage", `event ${id} is no episode of this run`);
    const kin = reader.episodes({ image: found.event.image.id, superseded: "include", limit: SHOWN_KIN });
    return { head, event: found.event, kin: kin.episodes.filter((other) => other.id !== id) };
  }

  /** Throws "usage" for a figure that the run has not. */
  histogram({ folder, query }: Selection, figure: Figure, bins: number): Histogram | null {
    const reader = this.#reader(folder);
    const found = reader.histogram(figure, query, bins);
    if (found || !figure.includes(":") || reader.figures().some(({ name }) => name === figure)) return found;
    throw new VisplayError("usage", `this run has recorded no ${figure}`);
  }

  drift(folder: string, closeness: Closeness): Drift {
    return this.#once(`drift ${closeness} ${folder}`, folder, (reader) => driftOf(reader, closeness));
  }

  curriculum(folder: string, round: number, closeness: Closeness): CurriculumAnswer {
    const find = (reader: ReplayReader) => curriculumOf(reader, round, closeness);
    return this.#once(`curriculum ${round} ${closeness} ${folder}`, folder, find);
  }

  fate(folder: string, image: string, question: string): Fate {
    return fateOf(this.#reader(folder), image, question);
  }

  comparison(left: Selection, right: Selection): Comparison {
    const side = ({ folder, query }: Selection) => ({ reader: this.#reader(folder), query });
    return comparisonOf(side(left), side(right));
  }

  /** Where an image lies; null where it was not stored. */
  image(folder: string, id: string): string | null {
    return this.#reader(folder).image(id) ?? null;
  }

  close(): void {
    for (const { reader } of this.#open.values()) reader[Symbol.dispose]();
    this.#open.clear();
  }

  /** One for each replay that is open, since it reads only what it has not seen. */
  #overviewOf(reader: ReplayReader): FollowedOverview {
    const known = this.#overviews.get(reader);
    if (known) return known;
    const overview = new FollowedOverview(reader);
    this.#overviews.set(reader, overview);
    return overview;
  }

  /** Finds it anew only where the run has gone on since, or another run stands there. */
  #once<T>(name: string, folder: string, find: (reader: ReplayReader) => T): T {
    const reader = this.#reader(folder);
    const { position } = reader.state;
    const known = this.#found.get(name);
    if (known?.reader === reader && known.position === position) return known.value as T;
    const value = find(reader);
    this.#found.delete(name);
    this.#found.set(name, { reader, position, value });
    const [oldest] = this.#found.keys();
    if (this.#found.size > KEPT && oldest !== undefined) this.#found.delete(oldest);
    return value;
  }

  #reader(folder: string): ReplayReader {
    const inode = inodeOf(folder);
    const known = this.#open.get(folder);
    if (known && known.inode === inode) return known.reader;
    known?.reader[Symbol.dispose]();
    this.#open.delete(folder);
    const reader = ReplayReader.open(folder);
    this.#open.set(folder, { inode: inode ?? 0, reader });
    return reader;
  }
}

/** Which file the replay is; undefined where it is gone. */
function inodeOf(folder: string): number | undefined {
  return statSync(join(folder, REPLAY_NAME), { throwIfNoEntry: false })?.ino;
}
