import { closeSync, openSync, statSync } from "node:fs";
import { join } from "node:path";
import { VisplayError } from "../common/errors.ts";
import { Checksum } from "./checksum.ts";
import { packColumns, unpackColumns } from "./columns.ts";
import {
  addItems,
  admittedQuestions,
  curriculumItems,
  curriculumSize,
  forgetItemsAfter,
  itemsIn,
  itemsUpTo,
} from "./curriculum_items.ts";
import { Dictionary } from "./dictionary.ts";
import { storedPrompt } from "./encoding.ts";
import { answerRow, answersOf, type NewRow, rolloutRow, rolloutsOf } from "./episode_rows.ts";
import type { CurriculumItem, EpisodeEvent, RunEvent } from "./events.ts";
import { figuresOf, namedFiguresOf, textsOf } from "./figures.ts";
import type { StoredImage } from "./image_files.ts";
import { type Pins, pinContent, writePins } from "./pins.ts";
import { migrate, PLACES, REPLAY_NAME, readableVersionOf } from "./schema.ts";
import { Database, type Value } from "./sqlite.ts";

/** What a replay has come to. */
export interface ReplayState {
  /** The number of the last event, counted from 1; 0 where there is none. */
  readonly position: number;
  /** Which start of the run is writing, counted from 1. */
  readonly attempt: number;
}

/** Writes a replay, synchronously; `ReplayStore` is the one that leaves the calling thread free. */
export class ReplayWriter implements Disposable {
  readonly #database: Database;
  readonly #dictionary: Dictionary;
  readonly #inode: bigint | null;
  #state: ReplayState;

  /** Brings the database up to date, and goes on at its end. */
  constructor(database: Database) {
    this.#database = database;
    this.#inode = inodeOf(database.path);
    migrate(database);
    this.#dictionary = new Dictionary(database);
    this.#state = database.transaction(() => {
      const started = "INSERT INTO attempts SELECT 1, 0, ? WHERE NOT EXISTS (SELECT 1 FROM attempts)";
      database.prepare(started).run([Date.now()]);
      const state = stateOf(database);
      packColumns(database, state.position);
      return state;
    });
  }

  /** Starts the replay of a new run in a folder. Throws "run" where it already holds one. */
  static create(folder: string): ReplayWriter {
    const path = join(folder, REPLAY_NAME);
    try {
      closeSync(openSync(path, "wx"));
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
      const message = `${folder} already holds a run; choose another folder with --out`;
      throw new VisplayError("run", message, { cause });
    }
    return ReplayWriter.#at(path);
  }

  /** Goes on with the replay in a folder. Throws "notARun" where there is none, "run" for a newer one. */
  static open(folder: string): ReplayWriter {
    return ReplayWriter.#at(replayIn(folder));
  }

  static #at(path: string): ReplayWriter {
    const database = Database.forWriting(path);
    try {
      return new ReplayWriter(database);
    } catch (error) {
      database[Symbol.dispose]();
      throw error;
    }
  }

  get state(): ReplayState {
    return this.#state;
  }

  /** All of the events, and the images that lie beside the database by now, or nothing. */
  append(events: readonly RunEvent[], images: readonly StoredImage[] = []): ReplayState {
    const state = this.#change(({ position, attempt }) => {
      for (const { id, extension, bytes, sha256 } of images) {
        this.#insert("image_files", { content: id, extension, bytes, sha256 }, "OR REPLACE");
      }
      for (const [i, event] of events.entries()) this.#appendOne(position + 1 + i, attempt, event);
      packColumns(this.#database, position + events.length);
      return { position: position + events.length, attempt };
    });
    // What a checkpoint counts on does not depend on the WAL, whatever becomes of that.
    if (events.some(({ type }) => type === "checkpointSaved")) this.#emptyWal("PASSIVE");
    return state;
  }

  /**
   * Marks what stands after `position` as superseded; what is appended next belongs to `attempt`, one more than
   * the last by default. Throws "run" where the replay ends before `position`, or knows the attempt already.
   */
  resume(position: number, attempt: number = this.#state.attempt + 1): ReplayState {
    return this.#change((state) => {
      if (position > state.position || position < 0) {
        const found = `found a replay of ${state.position} events, expected at least ${position}`;
        throw new VisplayError("run", `${this.#database.path}: ${found}; resume from an older checkpoint`);
      }
      if (attempt <= state.attempt) {
        const message = `found attempt ${attempt}, expected more than ${state.attempt}`;
        throw new VisplayError("run", `${this.#database.path}: ${message}`);
      }
      for (const table of ["events", "episodes"]) {
        const sql = `UPDATE ${table} SET superseded = 1 WHERE id > ? AND superseded = 0`;
        this.#database.prepare(sql).run([position]);
      }
      forgetItemsAfter(this.#database, position);
      unpackColumns(this.#database, position);
      packColumns(this.#database, state.position);
      this.#insert("attempts", { attempt, after: position, at_ms: Date.now() });
      return { position: state.position, attempt };
    });
  }

  /** What the run is made of from now on. */
  pin(pins: Pins): void {
    this.#database.transaction(() => writePins(this.#database, pins));
  }

  /** How many items a round's curriculum has. */
  curriculumSize(round: number): number {
    return curriculumSize(this.#database, round);
  }

  /** A round's items at these places. Throws "damaged" where one is missing, or is not as it was written. */
  curriculum(round: number, places: readonly number[]): CurriculumItem[] {
    return curriculumItems(this.#database, round, places);
  }

  /** The questions about each of these images that entered any round's curriculum. */
  admittedQuestions(images: readonly string[]): string[][] {
    return admittedQuestions(this.#database, images);
  }

  /** Takes over what entered the curricula of another run's first rounds, up to one of its events. */
  adoptCurricula(folder: string, rounds: number, event: number): void {
    using source = Database.forReading(replayIn(folder));
    readableVersionOf(source);
    this.#change((state) => {
      for (let round = 1; round <= rounds; round++)
        for (const items of itemsUpTo(source, round, event))
          addItems(this.#database, this.#dictionary, items, { round, event: 0 });
      return state;
    });
  }

  /** Which of these images no row names yet. */
  missing(ids: readonly string[]): string[] {
    const known = this.#database.prepare("SELECT 1 FROM image_files WHERE content = ?");
    return ids.filter((id) => known.get([id]) === undefined);
  }

  /** Puts what the WAL holds into the database, if it can be done now; nothing is lost if not. */
  [Symbol.dispose](): void {
    try {
      this.#emptyWal("TRUNCATE");
    } finally {
      this.#database[Symbol.dispose]();
    }
  }

  /** Puts what the WAL holds into the database, if it can be done now. */
  #emptyWal(mode: "PASSIVE" | "TRUNCATE"): void {
    try {
      this.#database.value(`PRAGMA wal_checkpoint(${mode})`);
    } catch (error) {
      if (!(error instanceof VisplayError)) throw error;
    }
  }

  /** One transaction; where it fails, nothing of it stays, in the database or here. */
  #change(work: (state: ReplayState) => ReplayState): ReplayState {
    if (inodeOf(this.#database.path) !== this.#inode) {
      const message = "was removed or replaced while the run went on; what is recorded would be lost";
      throw new VisplayError("run", `${this.#database.path} ${message}`);
    }
    try {
      this.#state = this.#database.transaction(() => {
        const found = stateOf(this.#database);
        if (found.position !== this.#state.position || found.attempt !== this.#state.attempt) {
          const message =
            "another process has written into this replay meanwhile; let only one run use a folder";
          throw new VisplayError("run", `${this.#database.path}: ${message}`);
        }
        return work(this.#state);
      });
      return this.#state;
    } catch (error) {
      this.#dictionary.forget();
      throw error;
    }
  }

  #appendOne(id: number, attempt: number, event: RunEvent): void {
    if ("prompt" in event) {
      this.#appendEpisode(id, attempt, event);
      return;
    }
    const { version: _, atMs, type, ...rest } = event;
    const row = { id, attempt, superseded: 0, at_ms: atMs, type, body: JSON.stringify(rest) };
    this.#insert("events", row);
    this.#insertChecksum(id, new Checksum().add("events", row));
  }

  #appendEpisode(id: number, attempt: number, event: EpisodeEvent): void {
    const { phase, round, step, image, versions } = event;
    const question = event.type === "reasonerEpisode" ? event.question : null;
    const { text, templated } = storedPrompt(event.prompt, question);
    const dictionary = this.#dictionary;
    pinContent(this.#database, image.index, image.id);
    const prompt = { text, templated: Number(templated) };
    const shown = { content: image.id, position: image.index, name: image.name };
    const row = {
      id,
      attempt,
      superseded: 0,
      at_ms: event.atMs,
      phase: dictionary.phase(phase),
      round,
      step,
      image: dictionary.id("images", shown),
      prompt: dictionary.id("prompts", prompt),
      questioner_version: versions.questioner,
      reasoner_version: versions.reasoner,
      ...figuresOf(event),
      question,
      label: event.type === "reasonerEpisode" ? event.label : null,
      view: event.type === "reasonerEpisode" ? event.view : 0,
    };
    this.#insert("episodes", row);
    const checksum = new Checksum().add("episodes", { ...row, ...shown, ...prompt, prompt_text: text });
    this.#appendCompletions(id, event, checksum);
    this.#insertChecksum(id, checksum);
    if (event.type === "curriculumEpisode") {
      addItems(this.#database, dictionary, itemsIn(event), { round, event: id });
    }
    for (const { kind, name, value } of namedFiguresOf(event)) {
      const figure = dictionary.id("figures", { phase: dictionary.phase(phase), kind, name });
      this.#insert("measures", { episode: id, figure, value });
    }
    this.#insert("texts", { rowid: id, ...textsOf(event) });
  }

  #appendCompletions(id: number, event: EpisodeEvent, checksum: Checksum): void {
    for (const [i, rollout] of rolloutsOf(event).entries()) {
      const { parts_names = null, checks_names = null, ...own } = rolloutRow(rollout);
      const row = { id: id * PLACES + i, ...own };
      const [parts_shape, checks_shape] = [this.#shape(parts_names), this.#shape(checks_names)];
      this.#insert("rollouts", { ...row, parts_shape, checks_shape });
      checksum.add("rollouts", { ...row, parts_names, checks_names });
    }
    let place = id * PLACES;
    for (const [i, rollout] of rolloutsOf(event).entries()) {
      for (const { answer, blind } of answersOf(rollout)) {
        const row = { id: place++, rollout: i, blind: Number(blind), ...answerRow(answer) };
        this.#insert("answers", row);
        checksum.add("answers", row);
      }
    }
    if (place > (id + 1) * PLACES) throw new RangeError(`more than ${PLACES} answers in one episode`);
  }

  #shape(names: Value): number | null {
    return names === null ? null : this.#dictionary.id("shapes", { names });
  }

  #insertChecksum(event: number, { value }: Checksum): void {
    this.#insert("checksums", { event, crc32: value });
  }

  #insert(table: string, row: NewRow, conflict = ""): void {
    const columns = Object.keys(row);
    const places = columns.map(() => "?");
    const sql = `INSERT ${conflict} INTO ${table} (${columns.join()}) VALUES (${places.join()})`;
    this.#database.prepare(sql).run(Object.values(row) as Value[]);
  }
}

/** What tells a file from another of the same name; null where there is none. */
function inodeOf(path: string): bigint | null {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino ?? null;
}

/** The path of the replay in a folder. Throws "notARun" where there is none, "disk" where it may not be read. */
export function replayIn(folder: string): string {
  const path = join(folder, REPLAY_NAME);
  try {
    closeSync(openSync(path, "r"));
    return path;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "EACCES") {
      throw new VisplayError("disk", `${path}: this user may not read it`, { cause });
    }
    const message = `${folder}: found no ${REPLAY_NAME}, expected the folder of a run`;
    throw new VisplayError("notARun", message, { cause });
  }
}

/** How far a replay has come, superseded events included. */
export function stateOf(database: Database): ReplayState {
  const last = (table: string) => database.value<number>(`SELECT max(id) FROM ${table}`) ?? 0;
  const attempt = database.value<number>("SELECT max(attempt) FROM attempts") ?? 1;
  return { position: Math.max(last("events"), last("episodes")), attempt };
}
