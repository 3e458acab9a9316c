import { damagedColumns } from "./columns.ts";
import { curriculumItems, curriculumSize } from "./curriculum_items.ts";
import { tolerant } from "./damage.ts";
import type { EpisodeEvent } from "./events.ts";
import { namedFiguresOf } from "./figures.ts";
import { damagedPhases } from "./phases.ts";
import { damagedPins } from "./pins.ts";
import type { RecordedEvent } from "./restore.ts";
import { type Database, numbers, utf8 } from "./sqlite.ts";
import { imagesInTurnsOf } from "./turns.ts";

/** What a replay tells in more than one way, held against each other. */
export class Consistency {
  readonly #database: Database;
  readonly #version: number;
  /** Starts of the run, and the event that each went on from. */
  readonly #attempts: readonly { readonly attempt: number; readonly after: number }[];
  /** The first event that has a checksum: releases before had none. */
  readonly #firstChecksum: number;

  /** `version` is that of the tables. */
  constructor(database: Database, version: number) {
    this.#database = database;
    this.#version = version;
    this.#attempts = database.prepare(`SELECT attempt, ${numbers("after")} FROM attempts`).all();
    this.#firstChecksum =
      database.value<number>("SELECT min(event) FROM checksums") ?? Number.POSITIVE_INFINITY;
  }

  /** What is wrong with an event that could be read; undefined where nothing is. */
  damageOf({ id, attempt, superseded, event }: RecordedEvent): string | undefined {
    const hasChecksum = this.#database.prepare("SELECT 1 FROM checksums WHERE event = ?").get([id]);
    if (id >= this.#firstChecksum && !hasChecksum) return "its checksum is missing";
    const isSuperseded = this.#attempts.some((later) => later.attempt > attempt && later.after < id);
    if (superseded !== isSuperseded) {
      return superseded ? "it is marked as superseded, and is not" : "it is superseded, and not marked so";
    }
    if ("prompt" in event && !this.#hasMeasures(id, event)) return "its measures are not its own";
    const lacking = imagesInTurnsOf(event).find((image) => !this.#hasImage(image));
    return lacking === undefined ? undefined : `image ${JSON.stringify(lacking)} of its turns was not stored`;
  }

  /** What is wrong with the tables that hold no events. */
  damages(): string[] {
    return [
      ...damagedPhases(this.#database),
      ...damagedColumns(this.#database),
      ...(this.#version >= 6 ? damagedPins(this.#database) : []),
    ];
  }

  /** Items of the curriculum, and which of them are damaged. */
  items(): {
    readonly total: number;
    readonly damaged: { readonly name: string; readonly reason: string }[];
  } {
    const rounds = this.#database.prepare(`SELECT DISTINCT ${numbers("round")} FROM curriculum`).all();
    const found = rounds.flatMap(({ round }) =>
      Array.from({ length: curriculumSize(this.#database, round as number) }, (_, place) => ({
        name: `round ${round}, item ${place}`,
        item: tolerant(() => curriculumItems(this.#database, round as number, [place])),
      })),
    );
    const damaged = found.flatMap(({ name, item }) =>
      item instanceof Error ? [{ name, reason: item.message }] : [],
    );
    return { total: found.length, damaged };
  }

  #hasImage(content: string): boolean {
    return this.#database.prepare("SELECT 1 FROM image_files WHERE content = ?").get([content]) !== undefined;
  }

  #hasMeasures(id: number, event: EpisodeEvent): boolean {
    const sql = `SELECT ${utf8("f.kind", "f.name")}, ${numbers("m.value", "f.phase")}
      FROM measures m LEFT JOIN figures f ON f.id = m.figure WHERE m.episode = ?`;
    const phase = this.#database.value<number>("SELECT phase FROM episodes WHERE id = ?", [id]);
    const stored = this.#database.prepare(sql).all([id]);
    const expected = namedFiguresOf(event).map((figure) => ({ ...figure, phase }));
    return textOf(stored) === textOf(expected);
  }
}

function textOf(figures: readonly Readonly<Record<string, unknown>>[]): string {
  const lines = figures.map(({ kind, name, value, phase }) => JSON.stringify([kind, name, value, phase]));
  return lines.sort().join();
}
