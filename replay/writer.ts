import { closeSync, openSync, statSync } from "node:fs";
import { join } from "node:path";
import { VisplayError } from "../common/errors.ts";
import { packColumns, unpackColumns } from "./columns.ts";
import {
  addItems,
  admittedQuestions,
  curriculumItems,
  curriculumSize,
  forgetItemsAfter,
  itemsUpTo,
} from "./curriculum_items.ts";
import { Dictionary } from "./dictionary.ts";
import { EventWriter, insert } from "./event_writer.ts";
import type { CurriculumItem, RunEvent } from "./events.ts";
import type { StoredImage } from "./image_files.ts";
import { migrate } from "./migrate.ts";
import { type Pins, writeInputs, writePins } from "./pins.ts";
import { readableVersionOf } from "./readable_tables.ts";
import { REPLAY_NAME } from "./schema.ts";
import { Database } from "./sqlite.ts";

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
  readonly #events: EventWriter;
  readonly #inode: bigint | null;
  #state: ReplayState;

  /** Brings the database up to date, and goes on at its end. */
  constructor(database: Database) {
    this.#database = database;
    this.#inode = inodeOf(database.path);
    migrate(database);
    this.#dictionary = new Dictionary(database);
    this.#events = new EventWriter(database, this.#dictionary);
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
        insert(this.#database, "image_files", { content: id, extension, bytes, sha256 }, "OR REPLACE");
      }
      for (const [i, event] of events.entries()) this.#events.append(position + 1 + i, attempt, event);
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
      insert(this.#database, "attempts", { attempt, after: position, at_ms: Date.now() });
      return { position: state.position, attempt };
    });
  }

  /** What the run is made of from now on. */
  pin(pins: Pins): void {
    this.#database.transaction(() => writePins(this.#database, pins));
  }

  /** The same of all but images. */
  pinInputs(inputs: Pins["inputs"]): void {
    this.#database.transaction(() => writeInputs(this.#database, inputs));
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

  /**
   * Takes over what entered the curricula of another run's first rounds, up to one of its events. Of what is not as it was
   * written there, items of earlier rounds are left out, and counted; one of the last round throws "damaged", for a run goes
   * on with that round's items by their places.
   */
  adoptCurricula(folder: string, rounds: number, event: number): number {
    using source = Database.forReading(replayIn(folder));
    readableVersionOf(source);
    let leftOut = 0;
    this.#change((state) => {
      for (let round = 1; round <= rounds; round++) {
        const isDamaged = (error: VisplayError): void => {
          if (round === rounds) throw error;
          leftOut++;
        };
        for (const items of itemsUpTo(source, round, event, isDamaged))
          addItems(this.#database, this.#dictionary, items, { round, event: 0 });
      }
      return state;
    });
    return leftOut;
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
