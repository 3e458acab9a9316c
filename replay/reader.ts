import { VisplayError } from "../common/errors.ts";
import { packedEvents } from "./columns.ts";
import { adoptedItems } from "./curriculum_items.ts";
import { lastEvent, lostIds, tolerant } from "./damage.ts";
import type { CurriculumItem, EpisodeEvent } from "./events.ts";
import { readableHeads } from "./heads.ts";
import { imagePath } from "./image_files.ts";
import { FollowedMilestones, type MilestoneOptions, restoreMilestones } from "./milestones.ts";
import { orderedIds } from "./order.ts";
import { countHits, hits } from "./pages.ts";
import { type Pins, restorePins } from "./pins.ts";
import {
  checkedFigure,
  checkedQuery,
  type EpisodeHead,
  type EpisodePage,
  type EpisodeQuery,
  type Figure,
} from "./query.ts";
import { type QuestionHead, questionsOf } from "./questions.ts";
import { disregardColumns, readableVersionOf } from "./readable_tables.ts";
import { type RecordedEvent, restoreEpisode, restoreEvent } from "./restore.ts";
import { Database, utf8 } from "./sqlite.ts";
import {
  type EpisodeCount,
  episodeCounts,
  type FigureRange,
  figureRanges,
  type Histogram,
  histogram,
  type KnownCounts,
} from "./survey.ts";
import { type ReplayState, replayIn, stateOf } from "./writer.ts";

export interface EventsOptions {
  /** Superseded events are left out by default. */
  readonly superseded?: "exclude" | "include";
  /** Told of an event that cannot be read; without it, such an event ends the reading. */
  readonly onDamage?: (id: number, error: Error) => void;
}

const EPISODES_AT_ONCE = 50;

/** What the run in a folder is made of, also where an earlier release wrote it; null where that was not recorded. */
export function readPins(folder: string): Pins | null {
  using database = Database.forReading(replayIn(folder));
  return restorePins(database);
}

/**
 * Reads the replay of a run, also while the run writes it in another process and after a crash. Calls are
 * synchronous; all but `events` take milliseconds, and at a million episodes some tens of them.
 */
export class ReplayReader implements Disposable {
  readonly folder: string;
  readonly #database: Database;

  private constructor(folder: string, database: Database) {
    this.folder = folder;
    this.#database = database;
  }

  /** Throws "notARun" for a folder without a replay, "run" for another version of one, "damaged", or "disk". */
  static open(folder: string): ReplayReader {
    const database = Database.forReading(replayIn(folder));
    readableVersionOf(database);
    return new ReplayReader(folder, database);
  }

  /** How far the run has come; what is damaged does not tell of it. */
  get state(): ReplayState {
    const state = tolerant(() => stateOf(this.#database));
    if (!(state instanceof VisplayError)) return state;
    if (state.code !== "damaged") throw state;
    return { position: lastEvent(this.#database), attempt: 1 };
  }

  /** A page of episodes. Throws "usage" for a query that says what cannot be. */
  episodes(query: EpisodeQuery = {}): EpisodePage {
    const checked = checkedQuery(query);
    return this.#look(() => {
      const found = hits(this.#database, checked);
      const page = found.slice(0, checked.limit);
      const ids = page.map(({ id }) => id);
      const heads = readableHeads(this.#database, ids);
      const last = page.at(-1);
      return {
        episodes: heads.flatMap((head) => head ?? []),
        damaged: ids.filter((_, i) => heads[i] === null),
        next: found.length > page.length && last ? `${last.key}:${last.id}` : null,
      };
    });
  }

  /** How many episodes a query matches, counted up to `atMost`; its cursor and limit make no difference. */
  count(query: EpisodeQuery = {}, atMost: number = 10_000): number {
    const checked = checkedQuery(query);
    return this.#look(() => countHits(this.#database, checked, atMost));
  }

  /** One episode, whole, as it was appended; undefined where there is none. Throws "damaged". */
  episode(id: number): (RecordedEvent & { readonly event: EpisodeEvent }) | undefined {
    return this.#database.snapshot(() => restoreEpisode(this.#database, id));
  }

  /** Events in order, from the one with number `from`, up to the last one that there is by then. */
  *events(from: number = 1, options: EventsOptions = {}): Generator<RecordedEvent> {
    let last = 0;
    for (let id = Math.max(1, from); ; id++) {
      if (id > last) last = lastEvent(this.#database);
      if (id > last) return;
      const recorded = this.#restore(id, options);
      if (!recorded || (recorded.superseded && options.superseded !== "include")) continue;
      yield recorded;
    }
  }

  /** The numbers of all episodes that a query matches, in its order; its cursor and limit make no difference. */
  order(query: EpisodeQuery = {}): Uint32Array {
    const checked = checkedQuery(query);
    return this.#look(() => orderedIds(this.#database, checked));
  }

  /** What a list shows of each of these episodes; null for one that cannot be read. */
  heads(ids: readonly number[]): readonly (EpisodeHead | null)[] {
    return this.#database.snapshot(() => readableHeads(this.#database, ids));
  }

  /** Numbers of episodes after an event that no query finds, since neither their rows nor their columns can be read. */
  lostEpisodes(after: number = 0): number[] {
    return this.#look(() => {
      const first = Math.max(after, packedEvents(this.#database)) + 1;
      return lostIds(this.#database, "episodes", first);
    });
  }

  /** What lists show of the questions that were asked in these episodes, in their order; `lost` is told of what is damaged. */
  questions(
    episodes: readonly number[],
    lost: (episode: number) => void = () => {},
  ): readonly QuestionHead[] {
    return this.#database.snapshot(() => questionsOf(this.#database, episodes, lost));
  }

  /**
   * Every question that was asked for a curriculum, in order, some hundred episodes at a time; `lost` is told of episodes
   * that are damaged.
   */
  *curriculumQuestions(lost: (episode: number) => void): Generator<QuestionHead> {
    const ids = this.order({ phases: ["curriculum"], sort: { by: "time", order: "ascending" } });
    for (let first = 0; first < ids.length; first += EPISODES_AT_ONCE)
      yield* this.questions([...ids.subarray(first, first + EPISODES_AT_ONCE)], lost);
  }

  /**
   * Items of curricula that were taken over from another run, whose votes this one does not have; `lost` is told of each
   * that is damaged.
   */
  adoptedItems(lost: (error: VisplayError) => void): Generator<CurriculumItem & { readonly round: number }> {
    return adoptedItems(this.#database, lost);
  }

  /**
   * How a figure is spread over the episodes that a query matches, round by round; null where none of them has it. Throws
   * "usage" for a query that says what cannot be, and for what is no figure.
   */
  histogram(figure: Figure, query: EpisodeQuery = {}, bins: number = 20): Histogram | null {
    const checked = checkedQuery(query);
    const named = checkedFigure(figure);
    return this.#look(() => histogram(this.#database, checked, named, bins));
  }

  /**
   * What a run came to, at little cost and in order: no episodes, and no more than so many steps and checkpoints, as far
   * apart as they can be.
   */
  milestones(options: MilestoneOptions = {}): Generator<RecordedEvent> {
    return restoreMilestones(this.#database, options);
  }

  /** The same, of a run that is looked at again and again. */
  followMilestones(options: MilestoneOptions): FollowedMilestones {
    return new FollowedMilestones(this.#database, options);
  }

  /** Episodes by round and phase. */
  counts(): EpisodeCount[] {
    return this.#look(() => episodeCounts(this.#database));
  }

  /** The same, where some are known, and how far the run has come with them. */
  countsSince(known: KnownCounts): { readonly state: ReplayState; readonly counts: EpisodeCount[] } {
    return this.#look(() => ({ state: this.state, counts: episodeCounts(this.#database, known) }));
  }

  /** The reward parts and gate checks that this run has, and their ranges over the episodes after an event. */
  figures(after: number = 0): FigureRange[] {
    return this.#look(() => figureRanges(this.#database, after));
  }

  /** Where the image with a content hash lies; undefined where it was not stored. */
  image(id: string): string | undefined {
    const sql = `SELECT ${utf8("extension")} FROM image_files WHERE content = ?`;
    const file = this.#database.prepare(sql).get<{ extension: string }>([id]);
    return file && imagePath(this.folder, { id, ...file });
  }

  [Symbol.dispose](): void {
    this.#database[Symbol.dispose]();
  }

  /** What is found by columns as of one moment; where these are damaged, from the episodes themselves. */
  #look<T>(find: () => T): T {
    const found = tolerant(() => this.#database.snapshot(find));
    if (!(found instanceof VisplayError)) return found;
    if (found.code !== "damaged" || !this.#columnsAreDamaged()) throw found;
    disregardColumns(this.#database);
    return this.#database.snapshot(find);
  }

  #columnsAreDamaged(): boolean {
    const sql = "PRAGMA main.quick_check('columns')";
    const found = tolerant(() => this.#database.prepare(sql).all<{ quick_check: string }>());
    return found instanceof VisplayError || found.some((row) => row.quick_check !== "ok");
  }

  #restore(id: number, { onDamage }: EventsOptions): RecordedEvent | undefined {
    try {
      const found = this.#database.snapshot(() => restoreEvent(this.#database, id));
      if (!found) throw new VisplayError("damaged", `event ${id} is missing`);
      return found;
    } catch (error) {
      if (!onDamage || !(error instanceof VisplayError)) throw error;
      onDamage(id, error);
      return undefined;
    }
  }
}
