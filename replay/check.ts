import { stat } from "node:fs/promises";
import { VisplayError } from "../common/errors.ts";
import { hashFile } from "../common/file_hash.ts";
import { mapInSlices } from "../common/slices.ts";
import { Consistency } from "./consistency.ts";
import { lastEvent, tolerant } from "./damage.ts";
import { IMAGES_NAME, imagePath } from "./image_files.ts";
import { readableVersionOf } from "./readable_tables.ts";
import { restoreEvent } from "./restore.ts";
import { Database, numbers, utf8 } from "./sqlite.ts";
import { replayIn } from "./writer.ts";

/** What is wrong with a replay, and what can still be read of it. */
export interface Inspection {
  /** What SQLite says about the file; empty where it is whole. */
  readonly database: readonly string[];
  readonly events: Tally;
  /** Of the curriculum. */
  readonly items: Tally;
  readonly images: Tally;
}

/** How many there are, and which of them are damaged. */
export interface Tally {
  readonly total: number;
  readonly damaged: readonly Damage[];
}

/** What is damaged, and how. */
export interface Damage {
  /** An event's number, or an image's file. */
  readonly name: string;
  readonly reason: string;
}

export function isWhole({ database, events, items, images }: Inspection): boolean {
  return database.length + events.damaged.length + items.damaged.length + images.damaged.length === 0;
}

/**
 * Looks at everything in a replay: the database's own structure, whether each event, each item of the curriculum and
 * what the run is made of is as it was written, by its checksum, and each image file, by its SHA-256, and whether what
 * is told twice is told the same. Throws "notARun" where there is no replay, "run" for a newer one, "damaged" where
 * nothing of it can be read.
 */
export async function inspect(
  folder: string,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<Inspection> {
  using database = Database.forReading(replayIn(folder));
  const version = readableVersionOf(database);
  const consistency = tolerant(() => new Consistency(database, version));
  if (consistency instanceof VisplayError) throw consistency;
  const others = tolerant(() => consistency.damages());
  const structure = [
    ...structureOf(database),
    ...(others instanceof VisplayError ? [originOf(others)] : others),
  ];
  const events = await eventsOf(database, consistency, onProgress);
  const found = tolerant(() => consistency.items());
  const items =
    found instanceof VisplayError
      ? { total: 0, damaged: [{ name: "curriculum", reason: originOf(found) }] }
      : found;
  return { database: structure, events, items, images: await imagesOf(database, folder) };
}

function structureOf(database: Database): string[] {
  const found = tolerant(() => database.prepare("PRAGMA integrity_check").all<{ integrity_check: string }>());
  if (found instanceof VisplayError) return [originOf(found)];
  return found.map((row) => row.integrity_check).filter((line) => line !== "ok");
}

async function eventsOf(
  database: Database,
  consistency: Consistency,
  onProgress: (done: number, total: number) => void,
): Promise<Tally> {
  const total = lastEvent(database);
  const damaged: Damage[] = [];
  const ids = Array.from({ length: total }, (_, i) => i + 1);
  await mapInSlices(ids, (id) => {
    const reason = tolerant(() => {
      const found = restoreEvent(database, id);
      return found ? consistency.damageOf(found) : "it is missing";
    });
    const said = reason instanceof VisplayError ? originOf(reason) : reason;
    if (said) damaged.push({ name: String(id), reason: said });
    onProgress(id, total);
  });
  return { total, damaged };
}

async function imagesOf(database: Database, folder: string): Promise<Tally> {
  const sql = `SELECT ${utf8("content AS id", "extension")}, ${numbers("bytes", "sha256")} FROM image_files ORDER BY content`;
  const files = tolerant(() =>
    database.prepare(sql).all<{ id: string; extension: string; bytes: number; sha256: Uint8Array }>(),
  );
  if (files instanceof VisplayError) {
    return { total: 0, damaged: [{ name: "image_files", reason: originOf(files) }] };
  }
  const damaged: Damage[] = [];
  for (const file of files) {
    const path = tolerant(() => imagePath(folder, file));
    if (path instanceof VisplayError) damaged.push({ name: IMAGES_NAME, reason: path.message });
    else {
      const reason = await whatIsWrong(path, file);
      if (reason) damaged.push({ name: path, reason });
    }
  }
  return { total: files.length, damaged };
}

async function whatIsWrong(
  path: string,
  { bytes, sha256 }: { readonly bytes: number; readonly sha256: Uint8Array },
): Promise<string | undefined> {
  try {
    const { size } = await stat(path);
    const isSame = size === bytes && (await hashFile(path)).digest().equals(Buffer.from(sha256));
    return isSame ? undefined : "the file is not the one that was written";
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === "ENOENT" ? "the file is missing" : message;
  }
}

/** What an error began with: the report says itself where, and the user is looking already. */
function originOf({ message, cause }: Error): string {
  return cause instanceof Error ? originOf(cause) : message;
}
