import { Checksum } from "./checksum.ts";
import { numbers, type Queries, utf8 } from "./sqlite.ts";

/**
 * What episodes are of. All four are names that the run recorded: none is known beforehand but the types, which tell
 * the shape of an episode.
 */
export interface EpisodeOrigin {
  readonly stage: string;
  readonly phase: string;
  /** The policy that was recorded. */
  readonly role: string;
  /** The type of the event. */
  readonly type: string;
}

/** One that is stored, under its number. */
export interface StoredOrigin extends EpisodeOrigin {
  readonly id: number;
}

/** A row of `phases`. */
export function phaseRow({ id, stage, phase, role, type }: StoredOrigin): PhaseRow {
  const row = { id, stage, name: phase, role, type };
  return { ...row, crc32: new Checksum().add("phases", row).value };
}

type PhaseRow = Record<"id" | "crc32", number> & Record<"stage" | "name" | "role" | "type", string>;

const sql = `SELECT id, ${utf8("stage", "name", "role", "type")}, ${numbers("crc32")} FROM phases ORDER BY id`;

/** All that episodes of a replay can be of, in the order in which they were recorded first. */
export function storedOrigins(database: Queries): StoredOrigin[] {
  const rows = database.prepare(sql).all<PhaseRow>();
  return rows.map(({ id, stage, name, role, type }) => ({ id, stage, phase: name, role, type }));
}

/** What was read of each database; rows are added, and never change. */
const known = new WeakMap<Queries, ReadonlyMap<number, StoredOrigin>>();

/** What the episodes of a phase's number are of; undefined where there is no such phase. */
export function originOf(database: Queries, id: number): StoredOrigin | undefined {
  const found = known.get(database)?.get(id);
  if (found) return found;
  const origins = new Map(storedOrigins(database).map((origin) => [origin.id, origin]));
  known.set(database, origins);
  return origins.get(id);
}

/** Which rows of `phases` are not as they were written. */
export function damagedPhases(database: Queries): string[] {
  const rows = database.prepare(sql).all<PhaseRow>();
  const damaged = rows.filter((row) => new Checksum().add("phases", row).value !== row.crc32);
  return damaged.map(({ id }) => `phase ${id} is damaged: its checksum differs`);
}
