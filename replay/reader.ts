import { VisplayError } from "../common/errors.ts";
import { adoptedItems } from "./curriculum_items.ts";
import type { CurriculumItem, EpisodeEvent } from "./events.ts";
import { headsOf } from "./heads.ts";
import { imagePath } from "./image_files.ts";
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
import {
  lastEvent,
  type MilestoneOptions,
  type RecordedEvent,
  restoreEpisode,
  restoreEvent,
  restoreMilestones,
  tolerant,
} from "./restore.ts";
import { readableVersionOf } from "./schema.ts";
import { Database, utf8 } from "./sqlite.ts";
import {
  type EpisodeCount,
  episodeCounts,
  type FigureRange,
  figureRanges,
  type Histogram,
  histogram,
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

  /** How far the run has come. */
  get state(): ReplayState {
    return stateOf(this.#database);
  }

  /** A page of episodes. Throws "usage" for a query that says what cannot be. */
  episodes(query: EpisodeQuery = {}): EpisodePage {
    const checked = checkedQuery(query);
    return this.#database.snapshot(() => {
      const found = hits(this.#database, checked);
      const page = found.slice(0, checked.limit);
      const last = page.at(-1);
      return {
        episodes: headsOf(
          this.#database,
          page.map(({ id }) => id),
        ),
        next: found.length > page.length && last ? `${last.key}:${last.id}` : null,
      };
    });
  }

  /** How many episodes a query matches, counted up to `atMost`; its cursor and limit make no difference. */
  count(query: EpisodeQuery = {}, atMost: number = 10_000): number {
    const checked = checkedQuery(query);
    return this.#database.snapshot(() => countHits(this.#database, checked, atMost));
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
    return this.#database.snapshot(() => orderedIds(this.#database, checked));
  }

  /** What a list shows of each of these episodes; null for one that cannot be read. */
  heads(ids: readonly number[]): (EpisodeHead | null)[] {
    const read = (some: readonly number[]) =>
      tolerant(() => this.#database.snapshot(() => headsOf(this.#database, some)));
    const heads = read(ids);
    if (!(heads instanceof VisplayError)) return heads;
    return ids.map((id) => {
      const head = read([id]);
      return head instanceof VisplayError ? null : (head[0] ?? null);
    });
  }

  /** What lists show of the questions that were asked in these episodes, in their order. */
  questions(episodes: readonly number[]): QuestionHead[] {
    return this.#database.snapshot(() => questionsOf(this.#database, episodes));
  }

  /** Every question that was asked for a curriculum, in order, some hundred episodes at a time. */
  *curriculumQuestions(): Generator<QuestionHead> {
    const ids = this.order({ phases: ["curriculum"], sort: { by: "time", order: "ascending" } });
    for (let first = 0; first < ids.length; first += EPISODES_AT_ONCE)
      yield* this.questions([...ids.subarray(first, first + EPISODES_AT_ONCE)]);
  }

  /** Items of curricula that were taken over from another run, whose votes this one does not have. */
  adoptedItems(): Generator<CurriculumItem & { readonly round: number }> {
    return adoptedItems(this.#database);
  }

  /**
   * How a figure is spread over the episodes that a query matches, round by round; null where none of them has it. Throws
   * "usage" for a query that says what cannot be, and for what is no figure.
   */
  histogram(figure: Figure, query: EpisodeQuery = {}, bins: number = 20): Histogram | null {
    const checked = checkedQuery(query);
    const named = checkedFigure(figure);
    return this.#database.snapshot(() => histogram(this.#database, checked, named, bins));
  }

  /**
   * What a run came to, at little cost and in order: no episodes, and no more than so many steps and checkpoints, as far
   * apart as they can be.
   */
  milestones(options: MilestoneOptions = {}): Generator<RecordedEvent> {
    return restoreMilestones(this.#database, options);
  }

  /** Episodes by round and phase. */
  counts(): EpisodeCount[] {
    return this.#database.snapshot(() => episodeCounts(this.#database));
  }

  /** The reward parts and gate checks that this run has. */
  figures(): FigureRange[] {
    return this.#database.snapshot(() => figureRanges(this.#database));
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
